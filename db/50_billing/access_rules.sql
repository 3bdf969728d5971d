/*
 * What a subscription's status means for its tenant. Pure, so that it can be read as a table and
 * tested as one. A status that Stripe adds tomorrow has no row: it grants nothing new and takes
 * nothing away, the tenant keeps what it had.
 */
create or replace function app_private.subscription_outcome(
  p_status text,
  p_grace_ends_at timestamptz,
  p_now timestamptz
)
  returns table (status text, access text, access_reason text)
  language sql immutable parallel safe
begin atomic
  select outcomes.status, outcomes.access, outcomes.access_reason
  from (
    values
      ('incomplete',         null,  'incomplete', 'none',      'awaiting_payment'),
      ('incomplete_expired', null,  'incomplete', 'none',      'payment_expired'),
      ('trialing',           null,  'trialing',   'full',      'trial'),
      ('active',             null,  'active',     'full',      'paid'),
      ('past_due',           true,  'past_due',   'full',      'payment_failed'),
      ('past_due',           false, 'suspended',  'none',      'grace_ended'),
      ('unpaid',             null,  'suspended',  'none',      'unpaid'),
      ('paused',             null,  'suspended',  'read_only', 'paused'),
      ('canceled',           null,  'suspended',  'none',      'canceled')
  ) as outcomes (stripe_status, in_grace, status, access, access_reason)
  where outcomes.stripe_status = p_status
  and (outcomes.in_grace is null or outcomes.in_grace = coalesce(p_now < p_grace_ends_at, false));
end;
comment on function app_private.subscription_outcome(text, timestamptz, timestamptz) is
  'The tenant''s status, access and reason for a subscription in this status; no row for a status '
  'that is not known.';
revoke all on function app_private.subscription_outcome(text, timestamptz, timestamptz) from public;
grant execute on function app_private.subscription_outcome(text, timestamptz, timestamptz)
  to app_worker;

/*
 * Decides by all of a tenant's subscriptions, never by the one in an event: an old one that ends
 * must not take away what a new one grants.
 */
create or replace function app_private.apply_billing(p_tenant_id uuid)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_levels constant text[] := array['none', 'read_only', 'full'];
  v_tenant app_public.tenants;
  v_best record;
  v_job_key text := 'end_grace_period:' || p_tenant_id;
begin
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = p_tenant_id
  for no key update;

  select
    subscriptions.id,
    subscriptions.plan_key,
    subscriptions.client_secret,
    subscriptions.current_period_start,
    subscriptions.current_period_end,
    subscriptions.cancel_at,
    subscriptions.grace_ends_at,
    outcome.status,
    outcome.access,
    outcome.access_reason
  into v_best
  from app_private.stripe_subscriptions as subscriptions
  cross join lateral app_private.subscription_outcome(
    subscriptions.status, subscriptions.grace_ends_at, now()
  ) as outcome
  where subscriptions.tenant_id = p_tenant_id
  order by
    array_position(v_levels, outcome.access) desc,
    subscriptions.created_at desc,
    subscriptions.id desc
  limit 1;
  if not found then
    return;
  end if;

  /* What a status that nobody knows stands for may still be granted: others don't take it away. */
  if array_position(v_levels, v_best.access) < array_position(v_levels, v_tenant.access)
    and exists (
      select
      from app_private.stripe_subscriptions as subscriptions
      where subscriptions.tenant_id = p_tenant_id
      and not exists (
        select from app_private.subscription_outcome(subscriptions.status, null, now())
      )
    )
  then
    return;
  end if;

  update app_public.tenants set
    plan = coalesce(v_best.plan_key, tenants.plan),
    status = v_best.status,
    access = v_best.access,
    access_reason = v_best.access_reason,
    current_period_start = v_best.current_period_start,
    current_period_end = v_best.current_period_end,
    cancel_at = v_best.cancel_at,
    grace_ends_at = v_best.grace_ends_at
  where tenants.id = p_tenant_id
  and tenants.status <> 'closed';

  update app_public.billing_accounts set
    stripe_subscription_id = v_best.id,
    client_secret = v_best.client_secret
  where billing_accounts.tenant_id = p_tenant_id;

  if v_best.status = 'past_due' then
    perform graphile_worker.add_job(
      'end_grace_period',
      json_build_object('tenant_id', p_tenant_id),
      run_at => v_best.grace_ends_at,
      job_key => v_job_key
    );
  elsif v_tenant.grace_ends_at is not null then
    perform graphile_worker.remove_job(v_job_key);
  end if;
end;
$$;
comment on function app_private.apply_billing(uuid) is
  'Writes to a tenant what its subscriptions mean now, and books the end of its grace period.';
revoke all on function app_private.apply_billing(uuid) from public;
grant execute on function app_private.apply_billing(uuid) to app_worker;

create or replace function app_private.end_grace_period(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.apply_billing(p_tenant_id);
end;
comment on function app_private.end_grace_period(uuid) is
  'Suspends the tenant if its grace period is over and nothing was paid; else changes nothing.';
revoke all on function app_private.end_grace_period(uuid) from public;
grant execute on function app_private.end_grace_period(uuid) to app_worker;
