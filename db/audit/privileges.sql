/*
 * Policies say nothing of these: they empty, lock or extend a table past row-level security, or
 * hand on a right. And nothing is granted to everyone: a role yet to come would have it too.
 */
with grants as (
  select pg_class.oid, pg_class.relowner, pg_class.relacl as acl
  from pg_catalog.pg_class
  where pg_class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
  union all
  select pg_class.oid, pg_class.relowner, pg_attribute.attacl
  from pg_catalog.pg_class
  join pg_catalog.pg_attribute on pg_attribute.attrelid = pg_class.oid
  where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
),
held as (
  select
    grants.oid::regclass as relation,
    case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end as role,
    acl.privilege_type as privilege,
    acl.is_grantable
  from grants
  cross join lateral aclexplode(grants.acl) as acl
  where acl.grantee <> grants.relowner
)
select distinct
  'error' as severity,
  format('%s for %s', held.relation, held.role) as object,
  case
    when held.role = 'public' then 'everyone holds ' || held.privilege
    when held.is_grantable then 'a run-time role may hand on ' || held.privilege
    else 'a run-time role holds ' || held.privilege
  end as problem,
  format('revoke %s on %s from %s;', held.privilege, held.relation, held.role) as remedy
from held
where held.role = 'public'
or held.is_grantable
or held.privilege in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN');
