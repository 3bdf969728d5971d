/*
 * Helpers of record_stripe_customer, which has locked the customer. Each statement writes only what
 * has changed, so that no trigger fires for what has not.
 */
create or replace function app_private.end_unlisted_subscriptions(
  p_tenant_id uuid,
  p_customer_id text,
  p_subscriptions jsonb
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.stripe_subscriptions set
    status = 'canceled',
    known_status = 'canceled',
    ended_at = coalesce(stripe_subscriptions.ended_at, now()),
    client_secret = null,
    past_due_since = null,
    grace_ends_at = null,
    unknown_since = null
  where stripe_subscriptions.tenant_id = p_tenant_id
  and stripe_subscriptions.customer_id = p_customer_id
  and stripe_subscriptions.status not in ('canceled', 'incomplete_expired')
  and not p_subscriptions @> jsonb_build_array(jsonb_build_object('id', stripe_subscriptions.id));
end;
comment on function app_private.end_unlisted_subscriptions(uuid, text, jsonb) is
  'What Stripe lists no more has ended; a deleted customer''s end with it and can''t be listed.';

create or replace function app_private.record_stripe_subscriptions(
  p_tenant_id uuid,
  p_customer_id text,
  p_subscriptions jsonb,
  p_grace_period interval
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.stripe_subscriptions as written (
    tenant_id, id, customer_id, status, known_status, unknown_since, plan_key, price_id, quantity,
    items, current_period_start, current_period_end, trial_end, cancel_at, ended_at,
    cancellation_reason, pause_reason, pause_collection, pending_update_expires_at, schedule_id,
    past_due_since, grace_ends_at, client_secret, created_at
  )
  select
    p_tenant_id,
    truth.id,
    p_customer_id,
    truth.status,
    meaning.known_status,
    meaning.unknown_since,
    main_item.plan_key,
    main_item.price_id,
    main_item.quantity,
    truth.items,
    to_timestamp(truth.current_period_start),
    to_timestamp(truth.current_period_end),
    to_timestamp(truth.trial_end),
    to_timestamp(truth.cancel_at),
    to_timestamp(truth.ended_at),
    truth.cancellation_reason,
    truth.pause_reason,
    truth.pause_collection,
    to_timestamp(truth.pending_update_expires_at),
    truth.schedule_id,
    debt.since,
    /* One debt, one fixed period: it moves only when what is owed is owed since another time. */
    case when debt.since = known.past_due_since
      then known.grace_ends_at
      else debt.since + p_grace_period
    end,
    truth.client_secret,
    to_timestamp(truth.created)
  from jsonb_to_recordset(p_subscriptions) as truth (
    id text,
    status text,
    items jsonb,
    current_period_start double precision,
    current_period_end double precision,
    trial_end double precision,
    cancel_at double precision,
    ended_at double precision,
    cancellation_reason text,
    pause_reason text,
    pause_collection text,
    pending_update_expires_at double precision,
    schedule_id text,
    past_due_since double precision,
    unpaid_since double precision,
    client_secret text,
    created double precision
  )
  left join app_private.stripe_subscriptions as known
    on known.tenant_id = p_tenant_id and known.id = truth.id
  cross join lateral (
    select
      case when is_known.so then truth.status else known.known_status end as known_status,
      case when not is_known.so then coalesce(known.unknown_since, now()) end as unknown_since
    from (
      select exists (
        select
        from app_private.subscription_meanings() as meanings
        where meanings.stripe_status = truth.status
      )
    ) as is_known (so)
  ) as meaning
  cross join lateral (
    select case
      when meaning.known_status is distinct from 'past_due' then null
      /* What was written off while it ran does not let the debt that we know begin anew. */
      when to_timestamp(truth.unpaid_since) = known.past_due_since then known.past_due_since
      else coalesce(to_timestamp(truth.past_due_since), known.past_due_since, now())
    end as since
  ) as debt
  left join lateral (
    select plan_prices.plan_key, items.price_id, items.quantity
    from jsonb_to_recordset(truth.items) as items (lookup_key text, price_id text, quantity bigint)
    join app_public.plan_prices
      on plan_prices.lookup_key = app_private.plan_lookup_key(items.price_id, items.lookup_key)
    join app_public.plans on plans.key = plan_prices.plan_key
    order by plans.position desc, items.price_id
    limit 1
  ) as main_item on true
  on conflict (tenant_id, id) do update set
    customer_id = excluded.customer_id,
    status = excluded.status,
    known_status = excluded.known_status,
    unknown_since = excluded.unknown_since,
    plan_key = excluded.plan_key,
    price_id = excluded.price_id,
    quantity = excluded.quantity,
    items = excluded.items,
    current_period_start = excluded.current_period_start,
    current_period_end = excluded.current_period_end,
    trial_end = excluded.trial_end,
    cancel_at = excluded.cancel_at,
    ended_at = excluded.ended_at,
    cancellation_reason = excluded.cancellation_reason,
    pause_reason = excluded.pause_reason,
    pause_collection = excluded.pause_collection,
    pending_update_expires_at = excluded.pending_update_expires_at,
    schedule_id = excluded.schedule_id,
    past_due_since = excluded.past_due_since,
    grace_ends_at = excluded.grace_ends_at,
    client_secret = excluded.client_secret
  where written is distinct from excluded;
end;
comment on function app_private.record_stripe_subscriptions(uuid, text, jsonb, interval) is
  'Writes what Stripe says of a customer''s subscriptions.';

create or replace function app_private.request_known_prices()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.request_customer_sync(known.customer_id)
  from (
    select distinct subscriptions.customer_id
    from app_private.stripe_subscriptions as subscriptions
    cross join jsonb_to_recordset(subscriptions.items) as items (price_id text, lookup_key text)
    where subscriptions.plan_key is null
    and subscriptions.status not in ('canceled', 'incomplete_expired')
    and app_private.plan_lookup_key(items.price_id, items.lookup_key) is not null
  ) as known;
end;
comment on function app_private.request_known_prices() is
  'Books a fresh copy of customers that subscribe to a price which no plan of ours had then, and one '
  'has now: no event about them tells of that.';

revoke all on function
  app_private.request_known_prices(),
  app_private.end_unlisted_subscriptions(uuid, text, jsonb),
  app_private.record_stripe_subscriptions(uuid, text, jsonb, interval)
  from public;
grant execute on function
  app_private.request_known_prices(),
  app_private.end_unlisted_subscriptions(uuid, text, jsonb),
  app_private.record_stripe_subscriptions(uuid, text, jsonb, interval)
  to app_worker;
