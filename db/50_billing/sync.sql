create or replace function app_private.next_sync_seq()
  returns bigint
  language sql volatile parallel unsafe
return nextval('app_private.stripe_sync_seq'::regclass);
comment on function app_private.next_sync_seq() is
  'Taken before a fetch from Stripe: whoever fetched later has the higher number.';

/*
 * The only writer of what Stripe says. Every change at Stripe is followed by an event, whose sync
 * takes its number after the change; the highest number wins; so the last write read the last
 * change, whatever order anything arrived in.
 */
create or replace function app_private.record_stripe_customer(
  p_customer_id text,
  p_sync_seq bigint,
  p_is_deleted boolean,
  p_subscriptions jsonb,
  p_grace_days double precision
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_tenant_id uuid;
begin
  update app_private.stripe_customers set
    is_deleted = p_is_deleted,
    sync_seq = p_sync_seq,
    synced_at = now()
  where stripe_customers.id = p_customer_id
  and stripe_customers.sync_seq < p_sync_seq
  returning stripe_customers.tenant_id into v_tenant_id;
  if not found then
    return case
      when exists (
        select from app_private.stripe_customers where stripe_customers.id = p_customer_id
      ) then 'stale'
      else 'unknown'
    end;
  end if;

  /* What Stripe lists no more has ended; a deleted customer's end with it and can't be listed. */
  update app_private.stripe_subscriptions set
    status = 'canceled',
    client_secret = null,
    past_due_since = null,
    grace_ends_at = null
  where stripe_subscriptions.tenant_id = v_tenant_id
  and stripe_subscriptions.customer_id = p_customer_id
  and not p_subscriptions @> jsonb_build_array(jsonb_build_object('id', stripe_subscriptions.id));

  insert into app_private.stripe_subscriptions (
    tenant_id, id, customer_id, status, plan_key, current_period_start, current_period_end,
    cancel_at, past_due_since, grace_ends_at, client_secret, created_at
  )
  select
    v_tenant_id,
    truth.id,
    p_customer_id,
    truth.status,
    largest.plan_key,
    to_timestamp(truth.current_period_start),
    to_timestamp(truth.current_period_end),
    to_timestamp(truth.cancel_at),
    debt.since,
    /* One debt, one fixed period: it moves only when what is owed is owed since another time. */
    case when debt.since = known.past_due_since
      then known.grace_ends_at
      else debt.since + make_interval(secs => p_grace_days * 86400)
    end,
    truth.client_secret,
    to_timestamp(truth.created)
  from jsonb_to_recordset(p_subscriptions) as truth (
    id text,
    status text,
    lookup_keys text[],
    current_period_start double precision,
    current_period_end double precision,
    cancel_at double precision,
    past_due_since double precision,
    client_secret text,
    created double precision
  )
  left join app_private.stripe_subscriptions as known
    on known.tenant_id = v_tenant_id and known.id = truth.id
  cross join lateral (
    select case when truth.status = 'past_due'
      then coalesce(to_timestamp(truth.past_due_since), known.past_due_since, now())
    end as since
  ) as debt
  left join lateral (
    select plan_prices.plan_key
    from app_public.plan_prices
    join app_public.plans on plans.key = plan_prices.plan_key
    where plan_prices.lookup_key = any (truth.lookup_keys)
    order by plans.position desc
    limit 1
  ) as largest on true
  on conflict (tenant_id, id) do update set
    customer_id = excluded.customer_id,
    status = excluded.status,
    plan_key = excluded.plan_key,
    current_period_start = excluded.current_period_start,
    current_period_end = excluded.current_period_end,
    cancel_at = excluded.cancel_at,
    past_due_since = excluded.past_due_since,
    grace_ends_at = excluded.grace_ends_at,
    client_secret = excluded.client_secret;

  perform app_private.apply_billing(v_tenant_id);
  return 'recorded';
end;
$$;
comment on function app_private.record_stripe_customer(
  text, bigint, boolean, jsonb, double precision
) is
  'Replaces our copy of a customer''s subscriptions by what was fetched after p_sync_seq was taken. '
  'p_subscriptions: [{ id, status, lookup_keys, current_period_start, current_period_end, cancel_at, '
  'past_due_since, client_secret, created }], times in Unix seconds. Returns recorded, stale (a '
  'later fetch was written already) or unknown (no tenant has this customer).';

revoke all on function
  app_private.next_sync_seq(),
  app_private.record_stripe_customer(text, bigint, boolean, jsonb, double precision)
  from public;
grant execute on function
  app_private.next_sync_seq(),
  app_private.record_stripe_customer(text, bigint, boolean, jsonb, double precision)
  to app_worker;
