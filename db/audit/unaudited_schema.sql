/*
 * The other rules leave out the queue's and the migrations' schemas, which other projects write.
 * There the wall is that nobody gets in: a job's payload is of any tenant. Whoever may be there has
 * a row in exceptions.sql; policies (00_foundation/queue.sql) hold back whoever may not.
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
group by pg_namespace.nspname, grantees.name;
