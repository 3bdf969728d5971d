/*
 * What a run-time role may see or write is decided by comparing the tenant with one of the three
 * functions that enter() feeds, nothing looked up: a subquery in a policy is slow at best and a leak
 * at worst. A policy may AND a permission to that, or the person's own id. Whatever else a policy
 * says is listed here with its reason.
 */
with reviewed (relation, role, commands, expression, reason) as (
  values
    ('app_public.users', 'app_user', 'r', 'id = app_private.current_user_id', 'a person, not a tenant: themselves'),
    ('app_public.users', 'app_identity', 'raw', 'true', 'keeps the mirror of auth.users'),
    ('app_public.users', 'app_definer', 'r', 'true', 'create_tenant reads the e-mail'),
    ('app_public.users', 'app_worker', 'r', 'true', 'sends mails to the address'),
    ('app_public.plans', 'everyone', 'r', 'true', 'catalog'),
    ('app_public.features', 'everyone', 'r', 'true', 'catalog'),
    ('app_public.plan_features', 'everyone', 'r', 'true', 'catalog'),
    ('app_public.plan_prices', 'everyone', 'r', 'true', 'catalog'),
    ('app_public.roles', 'everyone', 'r', 'true', 'catalog'),
    ('app_public.role_permissions', 'everyone', 'r', 'true', 'catalog'),
    ('app_public.tenants', 'app_definer', 'ra', 'true', 'enter, my_tenants, create_tenant'),
    ('app_public.tenants', 'app_worker', 'rw', 'true', 'writes what Stripe says'),
    ('app_public.memberships', 'app_definer', 'ra', 'true', 'enter, my_tenants, create_tenant, accept_invitation'),
    ('app_public.memberships', 'app_definer', 'wd', 'tenant_id = app_private.member_tenant_id', 'members leave a suspended tenant too'),
    ('app_public.invitations', 'app_definer', '*', 'true', 'who answers is not in the tenant yet'),
    ('app_private.invitation_tokens', 'app_definer', '*', 'true', 'who answers is not in the tenant yet'),
    ('app_public.api_keys', 'app_definer', '*', 'true', 'a key is looked up before its tenant is known'),
    ('app_private.api_key_secrets', 'app_definer', '*', 'true', 'a key is looked up before its tenant is known'),
    ('app_public.audit_entries', 'app_definer', 'a', 'true', 'tg__audit writes for tasks too'),
    ('app_public.billing_accounts', 'app_definer', 'a', 'true', 'create_tenant'),
    ('app_public.billing_accounts', 'app_worker', 'rw', 'true', 'writes what Stripe says'),
    ('app_private.billing_intents', 'app_definer', 'a', 'true', 'create_tenant'),
    ('app_private.billing_intents', 'app_worker', 'rw', 'true', 'carries them to Stripe'),
    ('app_private.stripe_events', 'app_definer', 'ra', 'true', 'receive_stripe_event'),
    ('app_private.stripe_events', 'app_worker', 'rw', 'true', 'processes them'),
    ('app_private.stripe_customers', 'app_worker', '*', 'true', 'writes what Stripe says'),
    ('app_private.stripe_subscriptions', 'app_worker', '*', 'true', 'writes what Stripe says')
),
bodies as (
  select
    pg_policy.polname,
    pg_policy.polcmd,
    pg_class.oid as relation,
    case role.oid when 0 then 'public' else role.oid::regrole::text end as role,
    /* As printed, without the brackets: what is left must be ANDs all the way down. */
    regexp_replace(pg_get_expr(body.expression, pg_policy.polrelid), '[()]', '', 'g')
      as expression
  from pg_catalog.pg_policy
  join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
  cross join lateral unnest(pg_policy.polroles) as role (oid)
  cross join lateral (
    values (pg_policy.polqual), (pg_policy.polwithcheck)
  ) as body (expression)
  where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private')
  and body.expression is not null
)
select distinct
  'error' as severity,
  format('%s on %s', bodies.polname, bodies.relation::regclass) as object,
  format(
    'the policy of %s does not compare the tenant in the canonical way: %s',
    bodies.role,
    bodies.expression
  ) as problem,
  format(
    'alter policy %I on %s %s (tenant_id = app_private.%s());',
    bodies.polname,
    bodies.relation::regclass,
    case bodies.polcmd when 'a' then 'with check' else 'using' end,
    case bodies.polcmd when 'r' then 'current_tenant_id' else 'writable_tenant_id' end
  ) as remedy
from bodies
where bodies.expression !~ (
  '^'
  || case
    when bodies.relation::regclass::text = 'app_public.tenants'
      then 'id = app_private.member_tenant_id'
    when bodies.polcmd = 'r' then 'tenant_id = app_private.(current|member)_tenant_id'
    else 'tenant_id = app_private.writable_tenant_id'
  end
  || '( AND (app_private.has_permission''[a-z._]+''::text'
  || '|[a-z_]+ = app_private.current_user_id))*$'
)
and not exists (
  select from reviewed
  where reviewed.relation = bodies.relation::regclass::text
  and reviewed.role in (bodies.role, 'everyone')
  and position(bodies.polcmd in reviewed.commands) > 0
  and reviewed.expression = bodies.expression
);
