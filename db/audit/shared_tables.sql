/*
 * A relation without tenant_id is the same for everyone, or is what decides about tenants: their
 * plan, their access. A policy may let a person write a row of it, but says nothing of columns; the
 * right does. So what people and visitors may write there is reviewed right by right.
 */
with shared (oid, name) as (
  select relations.oid, relations.name
  from relations
  where relations.kind <> 'S'
  and relations.schema <> 'auth'::regnamespace
  and not exists (
    select
    from pg_catalog.pg_attribute
    where pg_attribute.attrelid = relations.oid
    and pg_attribute.attname = 'tenant_id'
  )
),
/* People and visitors, the groups whose rights are theirs, and everyone. */
writers (oid, name) as (
  select grantees.oid, grantees.name
  from grantees
  where grantees.oid = 0
  or exists (
    select
    from pg_catalog.pg_roles
    where pg_roles.rolname in ('app_user', 'app_anonymous')
    and (pg_roles.oid = grantees.oid or pg_has_role(pg_roles.oid, grantees.oid, 'member'))
  )
),
rights (relation, role, privilege, columns, detail) as (
  select
    shared.name,
    writers.name,
    lower(relation_grants.privilege),
    named.columns,
    writers.name || ' ' || lower(relation_grants.privilege) || coalesce(named.columns, '')
  from shared
  join relation_grants on relation_grants.relation = shared.oid
  join writers on writers.oid = relation_grants.grantee
  left join lateral (
    select ' (' || quote_ident(pg_attribute.attname) || ')'
    from pg_catalog.pg_attribute
    where pg_attribute.attrelid = shared.oid
    and pg_attribute.attnum = relation_grants.column_number
    and relation_grants.column_number <> 0
  ) as named (columns) on true
  where relation_grants.privilege in ('INSERT', 'UPDATE', 'DELETE')
)
select distinct
  'error' as severity,
  rights.relation as object,
  rights.detail,
  format(
    '%s may %s%s what is not a tenant''s own', rights.role, rights.privilege, rights.columns
  ) as problem,
  format(
    'revoke %s%s on %s from %s;', rights.privilege, rights.columns, rights.relation, rights.role
  )
  /* To revoke a right on the table is to revoke it on each column, the reviewed ones too. */
  || coalesce(
    (
      select string_agg(
        format(' grant %s%s on %s to %s;', kept.privilege, kept.columns, kept.relation, kept.role), ''
      )
      from rights as kept
      join exceptions
        on exceptions.rule = 'shared_tables'
        and exceptions.object = kept.relation
        and exceptions.detail = kept.detail
      where rights.columns is null
      and (kept.relation, kept.role, kept.privilege)
        = (rights.relation, rights.role, rights.privilege)
    ),
    ''
  ) as remedy
from rights;
