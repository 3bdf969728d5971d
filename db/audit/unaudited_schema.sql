/*
 * The other rules leave out the queue's and the migrations' schemas, which other projects write.
 * There the wall is that nobody gets in: a job's payload is of any tenant. Whoever may be there has
 * a row in exceptions.sql; policies (00_foundation/queue.sql) hold back whoever may not. And nobody
 * of the run time writes which migrations there were: the next deployment believes it.
 */
select
  'error' as severity,
  quote_ident(pg_namespace.nspname) as object,
  grantees.name as detail,
  grantees.name || ' gets into a schema that no rule looks at' as problem,
  format(
    'revoke all on schema %I from %s;', pg_namespace.nspname, grantees.name
  ) as remedy
from pg_catalog.pg_namespace
cross join lateral aclexplode(pg_namespace.nspacl) as acl
join grantees on grantees.oid = acl.grantee
where pg_namespace.nspname in ('graphile_worker', 'graphile_migrate')
group by pg_namespace.nspname, grantees.name
union all
select
  'error',
  lists.name,
  grantees.name,
  grantees.name || ' may write which migrations there were',
  format('revoke insert, update, delete, truncate on %s from %s, public;', lists.name, grantees.name)
from (
  select pg_class.oid, pg_class.oid::regclass::text
  from pg_catalog.pg_class
  where pg_class.relkind = 'r'
  and pg_class.relnamespace::regnamespace::text in ('graphile_worker', 'graphile_migrate')
  and pg_class.relname in ('migrations', 'current')
) as lists (oid, name)
join grantees
  on grantees.oid <> 0
  and (
    has_any_column_privilege(grantees.oid, lists.oid, 'insert, update')
    or has_table_privilege(grantees.oid, lists.oid, 'delete, truncate')
  );
