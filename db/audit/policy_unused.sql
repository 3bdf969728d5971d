/*
 * A policy for a role that holds no right for its command lets nobody in: "grant" was forgotten, or
 * the policy is left over. tenant_id stands in no list of columns; a person can't name it.
 */
with wanted as (
  select policies.*, role.oid as grantee, commands.privilege
  from policies
  cross join lateral unnest(policies.roles) as role (oid)
  join (
    values ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE')
  ) as commands (code, privilege) on policies.command = commands.code::"char"
  join pg_catalog.pg_class on pg_class.oid = policies.relation
  where role.oid not in (0, pg_class.relowner)
)
select
  'warning' as severity,
  wanted.object,
  wanted.grantee::regrole::text as detail,
  format('%s has no right to %s', wanted.grantee::regrole, lower(wanted.privilege)) as problem,
  format(
    'grant %s%s on %s to %s;',
    lower(wanted.privilege),
    case when wanted.privilege in ('INSERT', 'UPDATE') then (
      select ' (' || string_agg(quote_ident(pg_attribute.attname), ', ' order by pg_attribute.attnum) || ')'
      from pg_catalog.pg_attribute
      where pg_attribute.attrelid = wanted.relation
      and pg_attribute.attnum > 0
      and not pg_attribute.attisdropped
      and pg_attribute.attgenerated = ''
      and pg_attribute.attname not in ('tenant_id', 'id', 'created_at')
    ) end,
    wanted.relation_name,
    wanted.grantee::regrole
  ) as remedy
from wanted
where not exists (
  select
  from relation_grants
  where relation_grants.relation = wanted.relation
  and relation_grants.privilege = wanted.privilege
  and relation_grants.grantee in (wanted.grantee, 0)
);
