/*
 * Passwords, sessions and signing keys are the identity provider's alone. No policy compares a
 * tenant there, so a right of any other run-time role is a right to all of it, and a policy for
 * another waits for the grant that makes it one.
 */
with rights as (
  select
    'schema ' || audited.nspname as object, 'schema ' || audited.nspname as target, acl.grantee
  from pg_catalog.pg_namespace as audited
  cross join lateral aclexplode(audited.nspacl) as acl
  where audited.nspname = 'auth'
  union all
  select relations.name, relations.name, relation_grants.grantee
  from relations
  join relation_grants on relation_grants.relation = relations.oid
  where relations.schema = 'auth'::regnamespace
  and relations.kind <> 'S'
  union all
  select routines.name, 'routine ' || routines.name, acl.grantee
  from routines
  join pg_catalog.pg_proc on pg_proc.oid = routines.oid
  cross join lateral aclexplode(pg_proc.proacl) as acl
  where routines.schema = 'auth'::regnamespace
)
select distinct
  'error' as severity,
  rights.object,
  grantees.name as detail,
  grantees.name || ' has a right in the identity provider''s schema' as problem,
  format('revoke all on %s from %s;', rights.target, grantees.name) as remedy
from rights
join grantees on grantees.oid = rights.grantee
where grantees.name <> 'app_identity'
union all
select
  'error',
  policies.object,
  role.oid::regrole::text,
  'a policy is for somebody else than the identity provider',
  format('drop policy %I on %s;', policies.name, policies.relation_name)
from policies
join tables on tables.oid = policies.relation
cross join lateral unnest(policies.roles) as role (oid)
where tables.schema = 'auth'::regnamespace
and role.oid <> 'app_identity'::regrole;
