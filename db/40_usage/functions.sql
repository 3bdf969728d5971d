/*
 * How many of a counted feature exist now. A feature of kind "count" gets its line here: it is the
 * one place that knows which rows it counts.
 *
 * security definer, because the number is the tenant's own business whoever asks: an API key that
 * may not read the members is told the same as an owner. Of any other tenant it counts nothing.
 */
create or replace function app_private.count_used(p_tenant_id uuid, p_feature_key text)
  returns bigint
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select case p_feature_key
    when 'seats' then (
      select count(*)
      from app_public.memberships
      where memberships.tenant_id = p_tenant_id
      and memberships.tenant_id = app_private.member_tenant_id()
    )
  end;
end;
comment on function app_private.count_used(uuid, text) is
  'How many the entered tenant has of a feature of kind "count"; null for any other feature.';
alter function app_private.count_used(uuid, text) owner to app_definer;
revoke all on function app_private.count_used(uuid, text) from public;
grant execute on function app_private.count_used(uuid, text) to app_user, app_definer;

/*
 * Numbers leave as double precision, exact up to 2^53: GraphQL then has numbers, where bigint would
 * give strings.
 */
create or replace view app_public.entitlements with (security_invoker = true) as
  select
    features.key as feature,
    features.kind,
    grants.enabled,
    case when features.kind <> 'boolean' then grants.quota::double precision end as "limit",
    usage.used::double precision as used,
    /* greatest() passes over nulls, and no limit must not become nothing left. */
    case when features.kind <> 'boolean' and grants.quota is not null
      then greatest(grants.quota - usage.used, 0)::double precision
    end as remaining,
    case when features.kind = 'metered' then period.ends_at end as resets_at
  from app_public.tenants
  cross join app_public.features
  left join app_public.plan_features
    on plan_features.plan_key = tenants.plan and plan_features.feature_key = features.key
  left join app_private.feature_overrides
    on feature_overrides.tenant_id = tenants.id
    and feature_overrides.feature_key = features.key
    and (feature_overrides.expires_at is null or feature_overrides.expires_at > now())
  cross join lateral (
    select
      coalesce(tenants.current_period_start, date_trunc('month', now(), 'UTC')) as starts_at,
      coalesce(
        tenants.current_period_end, date_trunc('month', now(), 'UTC') + interval '1 month'
      ) as ends_at
  ) as period
  cross join lateral (
    select
      tenants.access <> 'none'
      and coalesce(feature_overrides.is_enabled, plan_features.is_enabled, false) as enabled
  ) as decision
  cross join lateral (
    select
      decision.enabled,
      case
        when not decision.enabled then 0
        when feature_overrides.feature_key is not null then feature_overrides.quota
        else plan_features.quota
      end as quota
  ) as grants
  left join app_private.usage_counters
    on usage_counters.tenant_id = tenants.id
    and usage_counters.feature_key = features.key
    and usage_counters.period_start = period.starts_at
  cross join lateral (
    select case features.kind
      when 'metered' then coalesce(usage_counters.used, 0)
      when 'count' then app_private.count_used(tenants.id, features.key)
    end as used
  ) as usage
  where tenants.id = app_private.member_tenant_id();
comment on view app_public.entitlements is
  'What the current tenant may use: its plan, its overrides, and what it has used. While it has '
  'no access, nothing is enabled.';
comment on column app_public.entitlements.feature is 'The feature''s key.';
comment on column app_public.entitlements.limit is
  'The most it may have or use; null means no limit, and always null for a boolean feature.';
comment on column app_public.entitlements.used is 'Null for a boolean feature.';
comment on column app_public.entitlements.remaining is
  'limit - used, never below 0; null means no limit, and always null for a boolean feature.';
comment on column app_public.entitlements.resets_at is
  'When used starts again at 0; null unless the feature is metered.';
revoke all on app_public.entitlements from public, app_user, app_anonymous, app_definer;
grant select on app_public.entitlements to app_user, app_definer;

create or replace function app_public.tenant_has_feature(feature text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.entitlements
    where entitlements.feature = tenant_has_feature.feature
    and entitlements.enabled
  );
end;
comment on function app_public.tenant_has_feature(text) is
  'Whether the current tenant has this feature now.';
revoke all on function app_public.tenant_has_feature(text) from public;
grant execute on function app_public.tenant_has_feature(text) to app_user, app_definer;

/*
 * security definer: counters are not the tenant's to write. Everything it touches is bound to the
 * entered tenant by app_definer's own policies.
 */
create or replace function app_public.consume_feature(
  feature text,
  amount integer,
  idempotency_key text
)
  returns app_public.entitlements
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_entitlement app_public.entitlements;
  v_period_start timestamptz;
  v_recorded integer;
begin
  if consume_feature.amount is null or consume_feature.amount not between 1 and 1000000 then
    raise exception '"amount" must be a whole number from 1 to 1,000,000'
      using errcode = 'INPUT';
  end if;
  if coalesce(char_length(consume_feature.idempotency_key), 0) not between 1 and 200 then
    raise exception '"idempotencyKey" must have 1 to 200 characters'
      using errcode = 'INPUT';
  end if;

  select entitlements.* into v_entitlement
  from app_public.entitlements
  where entitlements.feature = consume_feature.feature
  and entitlements.kind = 'metered';
  if not found then
    raise exception 'There is no metered feature of that name'
      using errcode = 'INPUT',
            hint    = 'The query "entitlements" lists the features.';
  elsif not v_entitlement.enabled then
    raise exception 'The plan does not include this feature'
      using errcode = 'FEATR',
            detail  = json_build_object('feature', consume_feature.feature)::text,
            hint    = 'Move to a larger plan.';
  end if;

  insert into app_private.usage_records (tenant_id, feature_key, idempotency_key, amount)
  values (
    v_tenant_id, consume_feature.feature, consume_feature.idempotency_key, consume_feature.amount
  )
  on conflict do nothing;

  if found then
    select coalesce(tenants.current_period_start, date_trunc('month', now(), 'UTC'))
    into v_period_start
    from app_public.tenants
    where tenants.id = v_tenant_id;

    /* The row's lock orders concurrent calls, and the last condition sees what they left. */
    insert into app_private.usage_counters as counters (tenant_id, feature_key, period_start, used)
    select v_tenant_id, consume_feature.feature, v_period_start, consume_feature.amount
    where v_entitlement."limit" is null or consume_feature.amount <= v_entitlement."limit"
    on conflict (tenant_id, feature_key, period_start) do update
      set used = counters.used + excluded.used
      where v_entitlement."limit" is null
      or counters.used + excluded.used <= v_entitlement."limit";
    if not found then
      /* Read again: others may have counted since, and the refusal must tell what stands now. */
      select entitlements.* into v_entitlement
      from app_public.entitlements
      where entitlements.feature = consume_feature.feature;
      raise exception 'This would exceed what the plan allows'
        using errcode = 'QUOTA',
              detail  = json_build_object(
                          'feature', consume_feature.feature,
                          'limit', v_entitlement."limit",
                          'used', v_entitlement.used,
                          'resetsAt', v_entitlement.resets_at
                        )::text,
              hint    = 'Wait for the next period or move to a larger plan.';
    end if;
  else
    select usage_records.amount into v_recorded
    from app_private.usage_records
    where usage_records.tenant_id = v_tenant_id
    and usage_records.feature_key = consume_feature.feature
    and usage_records.idempotency_key = consume_feature.idempotency_key;
    if v_recorded is distinct from consume_feature.amount then
      raise exception 'This idempotency key was used with another amount'
        using errcode = 'CNFLT';
    end if;
  end if;

  select entitlements.* into v_entitlement
  from app_public.entitlements
  where entitlements.feature = consume_feature.feature;
  return v_entitlement;
end;
$$;
comment on function app_public.consume_feature(text, integer, text) is
  'Uses some of a metered feature, at most once for each idempotency key, never beyond the limit. '
  'Errors: LIMIT_EXCEEDED { feature, limit, used, resetsAt }, FEATURE_NOT_IN_PLAN, CONFLICT.';
alter function app_public.consume_feature(text, integer, text) owner to app_definer;
revoke all on function app_public.consume_feature(text, integer, text) from public;
grant execute on function app_public.consume_feature(text, integer, text) to app_user;
