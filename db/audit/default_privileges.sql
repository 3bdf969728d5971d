/*
 * Default privileges decide about what is yet to be made. Functions must not be born executable by
 * everyone (only the global form of that revoke has an effect), and nothing may be born with a right
 * of a run-time role: each grant stands in an access.sql, where it is read.
 */
select
  'error' as severity,
  format('functions of %s', owners.name) as object,
  'what it makes is born executable by everyone' as problem,
  format(
    'alter default privileges for role %I revoke execute on functions from public;', owners.name
  ) as remedy
from (values ('rowhouse_owner'), ('rowhouse_migrator')) as owners (name)
join pg_catalog.pg_roles on pg_roles.rolname = owners.name
where not exists (
  select
  from pg_catalog.pg_default_acl
  where pg_default_acl.defaclrole = pg_roles.oid
  and pg_default_acl.defaclnamespace = 0
  and pg_default_acl.defaclobjtype = 'f'
  and not exists (
    select from aclexplode(pg_default_acl.defaclacl) as acl where acl.grantee = 0
  )
)
union all
select
  'error',
  format('%s of %s', kinds.name, pg_default_acl.defaclrole::regrole),
  format('what it makes is born with a right of %s: %s', grantees.name, acl.privilege_type),
  format(
    'alter default privileges for role %s%s revoke %s on %s from %s;',
    pg_default_acl.defaclrole::regrole,
    ' in schema ' || pg_namespace.nspname::regnamespace,
    acl.privilege_type,
    kinds.name,
    grantees.name
  )
from pg_catalog.pg_default_acl
left join pg_catalog.pg_namespace on pg_namespace.oid = pg_default_acl.defaclnamespace
join (
  values
    ('r', 'tables'), ('S', 'sequences'), ('f', 'functions'), ('T', 'types'), ('n', 'schemas'),
    ('L', 'large objects')
) as kinds (code, name) on kinds.code = pg_default_acl.defaclobjtype
cross join lateral aclexplode(pg_default_acl.defaclacl) as acl
join grantees on grantees.oid = acl.grantee
where acl.grantee <> pg_default_acl.defaclrole
/* Types are everyone's to use, and a type holds no rows. */
and not (acl.grantee = 0 and kinds.code = 'T');
