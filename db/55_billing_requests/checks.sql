/* What the functions that ask Stripe for something look at before they ask. */
create or replace function app_private.begin_billing()
  returns uuid
  language plpgsql stable parallel unsafe
as $$
declare
  v_tenant_id uuid := app_private.member_tenant_id();
begin
  perform app_private.require_permission('billing.manage');
  if app_private.stripe_is_paused() then
    raise exception 'Billing is out of order for the moment'
      using errcode = 'BILUN',
            hint    = 'Try again in a few minutes. Nothing was charged or changed.';
  end if;
  if exists (
    select from app_public.tenants where tenants.id = v_tenant_id and tenants.status = 'closed'
  ) then
    raise exception 'The tenant is closed'
      using errcode = 'CNFLT';
  end if;
  return v_tenant_id;
end;
$$;
comment on function app_private.begin_billing() is
  'The tenant entered, suspended or not, if the caller may manage its billing and Stripe is being '
  'called at all. Raises DNIED, BILUN, CNFLT.';

create or replace function app_private.check_return_url(p_name text, p_url text)
  returns text
  language plpgsql stable parallel safe
as $$
declare
  /* Nothing that browsers read in another way than we do: no user, no backslash, no blank. */
  v_origin text := substring(p_url from '^(https?://[^/?#@\\[:space:][:cntrl:]]+)(?:[/?#]|$)');
begin
  if p_url is null then
    return null;
  end if;
  if v_origin is null
    or char_length(p_url) > 2000
    or p_url ~ '[[:space:][:cntrl:]\\]'
    or not coalesce(
      (nullif(current_setting('app.request', true), '')::jsonb -> 'returnOrigins') ? lower(v_origin),
      false
    )
  then
    raise exception 'A return address must be a page of the application, of at most 2000 characters'
      using errcode = 'INPUT',
            detail  = json_build_object('argument', p_name)::text,
            hint    = 'It must be at APP_URL, PUBLIC_URL or one of CORS_ORIGINS.';
  end if;
  return p_url;
end;
$$;
comment on function app_private.check_return_url(text, text) is
  'The address, if it is one of our own: where people are sent after Stripe must not be for others '
  'to choose. Null stays null. Raises INPUT.';

create or replace function app_private.require_price(p_plan text, p_interval text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (
    select
    from app_public.plan_prices
    where plan_prices.plan_key = p_plan
    and (p_interval is null or plan_prices."interval" = p_interval)
    and plan_prices.is_active
  ) then
    raise exception 'There is no such plan, or it is not sold now by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists them with their prices.';
  end if;
end;
$$;
comment on function app_private.require_price(text, text) is
  'Raises INPUT unless the plan is sold by that interval now; null means by any.';

create or replace function app_private.require_room_in(p_plan text)
  returns void
  language plpgsql stable parallel unsafe
as $$
declare
  v_exceeded json;
begin
  select json_agg(
    json_build_object(
      'feature', entitlements.feature,
      'limit', coalesce(granted.quota, 0),
      'used', entitlements.used
    )
    order by entitlements.feature
  )
  into v_exceeded
  from app_public.entitlements
  left join (
    select plan_features.feature_key, plan_features.quota
    from app_public.plan_features
    where plan_features.plan_key = p_plan
    and plan_features.is_enabled
  ) as granted on granted.feature_key = entitlements.feature
  where entitlements.kind = 'count'
  and entitlements.used > 0
  /* Without a row the plan has none of it; with a null it has no limit. */
  and (granted.feature_key is null or entitlements.used > granted.quota)
  and not exists (
    select
    from app_private.feature_overrides
    where feature_overrides.tenant_id = app_private.member_tenant_id()
    and feature_overrides.feature_key = entitlements.feature
    and (feature_overrides.expires_at is null or feature_overrides.expires_at > now())
  );
  if v_exceeded is not null then
    raise exception 'The plan is too small for what the tenant has now'
      using errcode = 'QUOTA',
            detail  = (
                        (v_exceeded -> 0)::jsonb
                        || jsonb_build_object('resetsAt', null, 'exceeded', v_exceeded)
                      )::text,
            hint    = 'Remove what is too much, or choose a larger plan.';
  end if;
end;
$$;
comment on function app_private.require_room_in(text) is
  'Raises QUOTA, naming each feature, if the tenant has more of something countable than the plan '
  'allows.';

create or replace function app_private.require_subscription(p_statuses text[])
  returns void
  language plpgsql stable parallel unsafe
as $$
begin
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = app_private.member_tenant_id()
    and stripe_subscriptions.status = any (p_statuses)
  ) then
    return;
  end if;
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = app_private.member_tenant_id()
    and stripe_subscriptions.status in ('past_due', 'unpaid')
  ) then
    raise exception 'What is owed must be paid first'
      using errcode = 'CNFLT',
            hint    = 'createBillingPortalSession leads to the open invoices.';
  end if;
  raise exception 'There is no subscription for that'
    using errcode = 'CNFLT',
          hint    = 'createCheckoutSession begins one.';
end;
$$;
comment on function app_private.require_subscription(text[]) is
  'Raises CNFLT unless the tenant has a subscription in one of these statuses, as far as we know: '
  'the task asks Stripe again.';

create or replace function app_private.refuse_second_subscription()
  returns void
  language plpgsql stable parallel unsafe
as $$
begin
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = app_private.member_tenant_id()
    /* A status that Stripe adds tomorrow counts: it may be one that is paid for. */
    and stripe_subscriptions.status not in ('incomplete', 'incomplete_expired', 'canceled')
  ) then
    raise exception 'The tenant has a subscription already'
      using errcode = 'CNFLT',
            hint    = 'changePlan changes it; createBillingPortalSession leads to what is owed.';
  end if;
end;
$$;
comment on function app_private.refuse_second_subscription() is
  'Raises CNFLT if the tenant has a subscription that is alive, as far as we know: the task asks '
  'Stripe again.';

revoke all on function
  app_private.begin_billing(),
  app_private.check_return_url(text, text),
  app_private.require_price(text, text),
  app_private.require_room_in(text),
  app_private.require_subscription(text[]),
  app_private.refuse_second_subscription()
  from public;
grant execute on function
  app_private.begin_billing(),
  app_private.check_return_url(text, text),
  app_private.require_price(text, text),
  app_private.require_room_in(text),
  app_private.require_subscription(text[]),
  app_private.refuse_second_subscription()
  to app_definer;
