create or replace function app_private.apply_billing(p_tenant_id uuid)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_job_key constant text := 'end_grace_period:' || p_tenant_id;
  v_tenant app_public.tenants;
  v_standing record;
begin
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = p_tenant_id
  for no key update;

  select standing.* into v_standing
  from app_private.tenant_standing(p_tenant_id, now()) as standing;
  if not found then
    return;
  end if;

  update app_public.tenants set
    plan = coalesce(v_standing.plan_key, tenants.plan),
    status = v_standing.status,
    access = v_standing.access,
    access_reason = v_standing.access_reason,
    current_period_start = v_standing.current_period_start,
    current_period_end = v_standing.current_period_end,
    cancel_at = v_standing.cancel_at,
    grace_ends_at = v_standing.grace_ends_at,
    trial_ends_at = v_standing.trial_ends_at,
    access_until = v_standing.access_until
  where tenants.id = p_tenant_id
  and tenants.status <> 'closed'
  /* Nothing is written, and no trigger fires, for what has not changed. */
  and (
    tenants.plan, tenants.status, tenants.access, tenants.access_reason,
    tenants.current_period_start, tenants.current_period_end, tenants.cancel_at,
    tenants.grace_ends_at, tenants.trial_ends_at, tenants.access_until
  ) is distinct from (
    coalesce(v_standing.plan_key, tenants.plan), v_standing.status, v_standing.access,
    v_standing.access_reason, v_standing.current_period_start, v_standing.current_period_end,
    v_standing.cancel_at, v_standing.grace_ends_at, v_standing.trial_ends_at,
    v_standing.access_until
  );

  update app_public.billing_accounts set
    stripe_subscription_id = v_standing.subscription_id,
    client_secret = v_standing.client_secret
  where billing_accounts.tenant_id = p_tenant_id
  and (billing_accounts.stripe_subscription_id, billing_accounts.client_secret)
    is distinct from (v_standing.subscription_id, v_standing.client_secret);

  if v_standing.grace_ends_at > now() then
    perform graphile_worker.add_job(
      'end_grace_period',
      json_build_object('tenant_id', p_tenant_id),
      run_at => v_standing.grace_ends_at,
      job_key => v_job_key
    );
  elsif v_tenant.grace_ends_at is not null then
    perform graphile_worker.remove_job(v_job_key);
  end if;
end;
$$;
comment on function app_private.apply_billing(uuid) is
  'Writes to a tenant what its subscriptions mean now, and books the end of its grace period.';

create or replace function app_private.end_grace_period(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.apply_billing(p_tenant_id);
end;
comment on function app_private.end_grace_period(uuid) is
  'Suspends the tenant if its grace period is over and nothing was paid; else changes nothing.';

create or replace function app_private.end_overdue_grace_periods()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.apply_billing(tenants.id)
  from app_public.tenants
  where tenants.grace_ends_at <= now()
  and tenants.status not in ('suspended', 'closed');
end;
comment on function app_private.end_overdue_grace_periods() is
  'Suspends tenants whose grace period is over and whose job did not: it was dismissed, or lost.';

revoke all on function
  app_private.apply_billing(uuid),
  app_private.end_grace_period(uuid),
  app_private.end_overdue_grace_periods()
  from public;
grant execute on function
  app_private.apply_billing(uuid),
  app_private.end_grace_period(uuid),
  app_private.end_overdue_grace_periods()
  to app_worker;
