/*
 * What a run-time role may see or write is decided by comparing the tenant with one of the three
 * functions that enter() feeds, nothing looked up: a subquery in a policy is slow at best and a leak
 * at worst. A policy may AND a permission to that, or the person's own id; it must AND a permission, for
 * people, where it holds for members whatever their tenant's access. Whatever else a policy
 * says has a row in exceptions.sql, which names the command and everyone whom it lets in. (In schema
 * auth no rows are of tenants: auth_schema.)
 */
with bodies as (
  select distinct
    policies.object,
    policies.name,
    policies.relation,
    policies.relation_name,
    policies.command,
    case policies.command
      when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
      else 'all'
    end as command_name,
    roles.names as roles,
    /* As printed, without the brackets: what is left must be ANDs all the way down. */
    regexp_replace(pg_get_expr(body.expression, pg_policy.polrelid), '[()]', '', 'g')
      as expression
  from policies
  join pg_catalog.pg_policy on pg_policy.oid = policies.oid
  cross join lateral (
    select string_agg(names.name, ', ' order by names.name)
    from unnest(pg_policy.polroles) as role (oid)
    cross join lateral (
      select case role.oid when 0 then 'public' else role.oid::regrole::text end
    ) as names (name)
  ) as roles (names)
  cross join lateral (
    values (pg_policy.polqual), (pg_policy.polwithcheck)
  ) as body (expression)
  where body.expression is not null
),
canonical as (
  select
    bodies.*,
    tables.tenant_column,
    bodies.relation_name = 'app_public.tenants' as is_tenants,
    bodies.command = 'r' as is_read,
    bodies.roles ~ '\mapp_(user|anonymous)\M' as is_of_people
  from bodies
  join tables on tables.oid = bodies.relation
  where tables.schema <> 'auth'::regnamespace
)
select
  'error' as severity,
  canonical.object,
  format('%s to %s: %s', canonical.command_name, canonical.roles, canonical.expression) as detail,
  format(
    'the policy of %s does not compare the tenant in the canonical way: %s',
    canonical.roles,
    canonical.expression
  ) as problem,
  case
    when canonical.tenant_column is null and not canonical.is_tenants
      then format('drop policy %I on %s;', canonical.name, canonical.relation_name)
    else format(
      'alter policy %I on %s%s%s;',
      canonical.name,
      canonical.relation_name,
      case when canonical.command <> 'a' then ' using (' || wanted.expression || ')' end,
      case when canonical.command in ('a', 'w', '*')
        then ' with check (' || wanted.expression || ')'
      end
    )
  end as remedy
from canonical
cross join lateral (
  select case
    when canonical.is_tenants then 'id = app_private.member_tenant_id()'
    when canonical.is_read then 'tenant_id = app_private.current_tenant_id()'
    else 'tenant_id = app_private.writable_tenant_id()'
  end
) as wanted (expression)
where canonical.expression !~ (
  '^'
  || case
    when canonical.is_tenants then 'id = app_private.member_tenant_id'
    /* member_tenant_id is there for a key with no scope to read and while the tenant is suspended. */
    when canonical.is_read and canonical.is_of_people
      then 'tenant_id = app_private.(current_tenant_id|member_tenant_id(?= AND app_private.has_permission))'
    when canonical.is_read then 'tenant_id = app_private.(current|member)_tenant_id'
    else 'tenant_id = app_private.writable_tenant_id'
  end
  || '( AND (app_private.has_permission''[a-z._]+''::text'
  || '|[a-z_]+ = app_private.current_user_id))*$'
);
