/*
 * A role that holds a right on a table but has no policy for that command sees and writes nothing
 * there, and is told nothing: the step that was forgotten after "grant".
 */
with commands (code, privilege) as (
  values ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE')
),
wanted as (
  select distinct
    tables.oid, tables.name, tables.tenant_column, commands.code, commands.privilege,
    grantees.oid as grantee, grantees.name as role
  from tables
  join relation_grants on relation_grants.relation = tables.oid
  join commands on commands.privilege = relation_grants.privilege
  join grantees on grantees.oid = relation_grants.grantee
  where not tables.is_child
  and grantees.oid <> 0
)
select
  'warning' as severity,
  wanted.name as object,
  wanted.role || ' ' || wanted.privilege as detail,
  format('%s may %s, but no policy lets it reach a row', wanted.role, lower(wanted.privilege))
    as problem,
  case
    when wanted.tenant_column is null
      then format('revoke %s on %s from %s;', wanted.privilege, wanted.name, wanted.role)
    else format(
      'create policy %s on %s for %s to %s%s%s;',
      quote_ident(lower(wanted.privilege) || '_' || replace(wanted.role, '"', '')),
      wanted.name,
      lower(wanted.privilege),
      wanted.role,
      case when wanted.code <> 'a' then ' using (tenant_id = app_private.' || compared.function || '())' end,
      case when wanted.code in ('a', 'w')
        then ' with check (tenant_id = app_private.' || compared.function || '())'
      end
    )
  end as remedy
from wanted
cross join lateral (
  select case wanted.code when 'r' then 'current_tenant_id' else 'writable_tenant_id' end
) as compared (function)
where not exists (
  select
  from policies
  where policies.relation = wanted.oid
  and policies.command in (wanted.code::"char", '*')
  and (wanted.grantee = any (policies.roles) or 0 = any (policies.roles))
);
