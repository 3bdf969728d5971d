/*
 * Whoever can create a table, a function or a temporary table can put it in the way of one of ours.
 * Run-time roles create nothing; they may connect, and that is all they may do with a database.
 */
with rights (object, kind, grantee, privilege) as (
  select 'database', format('database %I', pg_database.datname), acl.grantee, acl.privilege_type
  from pg_catalog.pg_database
  cross join lateral aclexplode(
    coalesce(pg_database.datacl, acldefault('d', pg_database.datdba))
  ) as acl
  where pg_database.datname = current_database()
  and acl.privilege_type in ('CREATE', 'TEMPORARY')
  union all
  select
    'schema ' || quote_ident(pg_namespace.nspname),
    format('schema %I', pg_namespace.nspname),
    acl.grantee,
    acl.privilege_type
  from pg_catalog.pg_namespace
  cross join lateral aclexplode(pg_namespace.nspacl) as acl
  where acl.privilege_type = 'CREATE'
)
select
  'error' as severity,
  rights.object,
  grantees.name as detail,
  format('%s may create there: %s', grantees.name, string_agg(rights.privilege, ', ')) as problem,
  format(
    'revoke %s on %s from %s;', string_agg(rights.privilege, ', '), rights.kind, grantees.name
  ) as remedy
from rights
join grantees on grantees.oid = rights.grantee
group by rights.object, rights.kind, grantees.name;
