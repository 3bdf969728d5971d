/*
 * What functions with rights of their own or tasks write of a tenant, they write after asking: who
 * may be a member and as what, which keys stand, what was paid. A person who could write there as
 * well would pass by all of that, within their own tenant, and no policy on the tenant says no. Where
 * people make the rows themselves, tasks and functions may keep columns that people don't write.
 */
with writers (oid, name, is_person) as (
  select grantees.oid, grantees.name, people.is_person
  from grantees
  cross join lateral (
    select grantees.oid = 0
    or exists (
      select
      from pg_catalog.pg_roles
      where pg_roles.rolname in ('app_user', 'app_anonymous')
      and (pg_roles.oid = grantees.oid or pg_has_role(pg_roles.oid, grantees.oid, 'member'))
    )
  ) as people (is_person)
),
rights as (
  select
    tables.oid as relation, tables.name, writers.name as role, writers.is_person,
    lower(relation_grants.privilege) as privilege, relation_grants.column_number
  from tables
  join relation_grants on relation_grants.relation = tables.oid
  join writers on writers.oid = relation_grants.grantee
  where tables.tenant_column is not null
  and relation_grants.privilege in ('INSERT', 'UPDATE', 'DELETE')
)
select distinct
  'error' as severity,
  rights.name as object,
  rights.role || ' ' || rights.privilege as detail,
  format('%s may %s what functions or tasks keep', rights.role, rights.privilege) as problem,
  format('revoke %s on %s from %s;', rights.privilege, rights.name, rights.role) as remedy
from rights
where rights.is_person
and exists (
  select
  from rights as kept
  where kept.relation = rights.relation
  and kept.role in ('app_definer', 'app_worker')
  and (
    kept.privilege = 'insert'
    or (
      kept.privilege = 'update'
      and rights.privilege in ('insert', 'update')
      /* 0 stands for all columns. */
      and (kept.column_number = rights.column_number or 0 in (kept.column_number, rights.column_number))
    )
    /* A function asks before it deletes; a task tidies up. */
    or (kept.privilege, rights.privilege, kept.role) = ('delete', 'delete', 'app_definer')
  )
);
