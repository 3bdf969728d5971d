/*
 * What app_user may see or write is decided by comparing the tenant with one of the three functions
 * that enter() feeds, nothing looked up: a subquery in a policy is slow at best and a leak at worst.
 * Whatever else a policy of app_user says is ANDed to that, or listed here with its reason.
 */
with reviewed (relation, policy, reason) as (
  values
    ('app_public.users', 'select_self', 'a person, not a tenant: compares the person''s own id'),
    ('app_public.plans', 'select_everyone', 'catalog, the same for everyone'),
    ('app_public.features', 'select_everyone', 'catalog, the same for everyone'),
    ('app_public.plan_features', 'select_everyone', 'catalog, the same for everyone'),
    ('app_public.plan_prices', 'select_everyone', 'catalog, the same for everyone'),
    ('app_public.roles', 'select_everyone', 'catalog, the same for everyone'),
    ('app_public.role_permissions', 'select_everyone', 'catalog, the same for everyone')
)
select
  'error' as severity,
  format('%s on %s', pg_policy.polname, pg_policy.polrelid::regclass) as object,
  format('the policy does not compare the tenant in the canonical way: %s', expression) as problem,
  format(
    'alter policy %I on %s using (tenant_id = app_private.current_tenant_id());',
    pg_policy.polname,
    pg_policy.polrelid::regclass
  ) as remedy
from pg_catalog.pg_policy
join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
cross join lateral (
  select case when pg_policy.polcmd = 'a'
    then pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid)
    else pg_get_expr(pg_policy.polqual, pg_policy.polrelid)
  end as expression
) as body
where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private')
and (
  'app_user'::regrole::oid = any (pg_policy.polroles)
  or 'app_anonymous'::regrole::oid = any (pg_policy.polroles)
)
and expression !~ (
  '^\(*(tenant_id|id) = app_private\.'
  || case
    when pg_policy.polcmd = 'r' then '(current|member)_tenant_id'
    when pg_class.oid::regclass::text = 'app_public.tenants' then 'member_tenant_id'
    else 'writable_tenant_id'
  end
  || '\(\)\)*( AND app_private\.has_permission\(''[a-z._]+''::text\)\)*)?$'
)
and not exists (
  select from reviewed
  where reviewed.relation = pg_policy.polrelid::regclass::text
  and reviewed.policy = pg_policy.polname
);
