/* What the task that carries a request to Stripe reads and writes. */
create or replace function app_private.begin_billing_request(
  p_tenant_id uuid,
  p_request_id uuid,
  p_home_url text
)
  returns table (
    id uuid,
    tenant_id uuid,
    kind text,
    plan text,
    "interval" text,
    flow text,
    at_period_end boolean,
    preview_id uuid,
    success_url text,
    cancel_url text,
    return_url text,
    prorated_at double precision,
    created_at timestamptz,
    key_generation smallint,
    stripe_customer_id text,
    customer_is_deleted boolean,
    stripe_subscription_id text,
    lookup_keys text[],
    seat_keys text[],
    seats integer
  )
  language plpgsql volatile parallel unsafe
as $$
#variable_conflict use_column
begin
  perform app_private.end_billing_request_if_late(billing_requests)
  from app_public.billing_requests
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id;

  perform app_private.fail_billing_request(
    billing_requests.tenant_id, billing_requests.id, 'refused', 'The tenant is closed.'
  )
  from app_public.billing_requests
  join app_public.tenants on tenants.id = billing_requests.tenant_id
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and tenants.status = 'closed';

  /* What is sent to Stripe is frozen at the first attempt: whoever repeats it says the same. */
  update app_public.billing_requests set
    success_url = case when billing_requests.kind = 'checkout'
      then coalesce(billing_requests.success_url, p_home_url || '?checkout=success')
    end,
    cancel_url = case when billing_requests.kind = 'checkout'
      then coalesce(billing_requests.cancel_url, p_home_url || '?checkout=canceled')
    end,
    return_url = case when billing_requests.kind = 'portal'
      then coalesce(billing_requests.return_url, p_home_url)
    end
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and billing_requests.status = 'pending';

  return query
  select
    billing_requests.id,
    billing_requests.tenant_id,
    billing_requests.kind,
    billing_requests.plan,
    billing_requests."interval",
    billing_requests.flow,
    billing_requests.at_period_end,
    billing_requests.preview_id,
    billing_requests.success_url,
    billing_requests.cancel_url,
    billing_requests.return_url,
    extract(epoch from billing_requests.prorated_at)::double precision,
    billing_requests.created_at,
    billing_requests.key_generation,
    billing_accounts.stripe_customer_id,
    coalesce(stripe_customers.is_deleted, false),
    billing_requests.stripe_subscription_id,
    array(select plan_prices.lookup_key from app_public.plan_prices),
    array(
      select plan_prices.lookup_key
      from app_public.plan_prices
      where plan_prices.is_billed_by_seat
    ),
    billing_requests.seats
  from app_public.billing_requests
  join app_public.billing_accounts on billing_accounts.tenant_id = billing_requests.tenant_id
  left join app_private.stripe_customers
    on stripe_customers.tenant_id = billing_accounts.tenant_id
    and stripe_customers.id = billing_accounts.stripe_customer_id
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and billing_requests.status = 'pending';
end;
$$;
comment on function app_private.begin_billing_request(uuid, uuid, text) is
  'An open request with all that its task needs; no row when there is nothing to do. One that is '
  'late is ended first: Stripe''s idempotency keys last a day. '
  'p_home_url is where people come back to unless the request says otherwise.';

create or replace function app_private.mean_subscription(
  p_tenant_id uuid,
  p_request_id uuid,
  p_subscription_id text
)
  returns text
  language sql volatile parallel unsafe
begin atomic
  update app_public.billing_requests set
    stripe_subscription_id =
      coalesce(billing_requests.stripe_subscription_id, p_subscription_id)
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and billing_requests.status = 'pending'
  returning billing_requests.stripe_subscription_id;
end;
comment on function app_private.mean_subscription(uuid, uuid, text) is
  'Notes which subscription a request is about, once and before anything is done to it; returns the '
  'one that counts. An attempt that comes later finds it noted. Null when the request was ended.';

create or replace function app_private.finish_billing_request(
  p_tenant_id uuid,
  p_request_id uuid,
  p_result jsonb
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_public.billing_requests set
    status = 'done',
    finished_at = now(),
    url = result.url,
    expires_at = to_timestamp(result.expires_at),
    prorated_at = coalesce(to_timestamp(result.prorated_at), billing_requests.prorated_at),
    total = result.total,
    amount_due = result.amount_due,
    currency = result.currency,
    lines = result.lines,
    client_secret = result.client_secret
  from jsonb_to_record(p_result) as result (
    url text,
    expires_at double precision,
    prorated_at double precision,
    total double precision,
    amount_due double precision,
    currency text,
    lines jsonb,
    client_secret text
  )
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and billing_requests.status = 'pending';
  if found then
    perform app_private.notify_tenant(p_tenant_id, 'billing_request', p_request_id);
    perform app_private.withdraw_if_closed(p_tenant_id);
  end if;
end;
$$;
comment on function app_private.finish_billing_request(uuid, uuid, jsonb) is
  'Writes what Stripe answered, once. p_result: { url, expires_at, prorated_at, total, amount_due, '
  'currency, lines, client_secret }, each if there is one; times in Unix seconds.';

create or replace function app_private.fail_billing_request(
  p_tenant_id uuid,
  p_request_id uuid,
  p_code text,
  p_message text,
  p_client_secret text default null
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_public.billing_requests set
    status = 'failed',
    finished_at = now(),
    error_code = p_code,
    error_message = left(p_message, 1000),
    client_secret = p_client_secret
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and billing_requests.status = 'pending';
  if found then
    perform app_private.notify_tenant(p_tenant_id, 'billing_request', p_request_id);
    perform app_private.withdraw_if_closed(p_tenant_id);
  end if;
end;
$$;
comment on function app_private.fail_billing_request(uuid, uuid, text, text, text) is
  'Writes why nothing came of a request, once.';

create or replace function app_private.doubt_billing_request(p_tenant_id uuid, p_request_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_public.billing_requests set
    key_generation = billing_requests.key_generation + 1
  where billing_requests.tenant_id = p_tenant_id
  and billing_requests.id = p_request_id
  and billing_requests.status = 'pending';
end;
comment on function app_private.doubt_billing_request(uuid, uuid) is
  'Notes that what Stripe answered does not stand, a 5xx or a refusal that may be over: the next '
  'attempt looks first, and asks under a fresh key.';

create or replace function app_private.pace_billing_request(p_request_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update graphile_worker._private_jobs as jobs set attempts = 5
  where jobs.key = 'billing_request:' || p_request_id
  and jobs.attempts > 5;
end;
comment on function app_private.pace_billing_request(uuid) is
  'For a request whose attempt failed. The queue waits e^attempts seconds before the next: here never '
  'more than 148, as others wait for its end. An hour ends it, not a number of attempts.';

create or replace function app_private.customer_to_replace(p_tenant_id uuid)
  returns table (intent_id uuid, customer_email text, customer_name text)
  language sql stable parallel safe
begin atomic
  select billing_intents.id, billing_intents.customer_email, billing_intents.customer_name
  from app_private.billing_intents
  where billing_intents.tenant_id = p_tenant_id
  order by billing_intents.created_at desc, billing_intents.id desc
  limit 1;
end;
comment on function app_private.customer_to_replace(uuid) is
  'What a tenant''s Stripe customer is made of, when the one it had was deleted.';

create or replace function app_private.replace_stripe_customer(
  p_tenant_id uuid,
  p_old_id text,
  p_new_id text
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_public.billing_accounts set
    stripe_customer_id = p_new_id,
    client_secret = null
  where billing_accounts.tenant_id = p_tenant_id
  and billing_accounts.stripe_customer_id is not distinct from p_old_id;
  if found then
    insert into app_private.stripe_customers (tenant_id, id)
    values (p_tenant_id, p_new_id)
    on conflict do nothing;
  end if;
  return (
    select billing_accounts.stripe_customer_id
    from app_public.billing_accounts
    where billing_accounts.tenant_id = p_tenant_id
  );
end;
$$;
comment on function app_private.replace_stripe_customer(uuid, text, text) is
  'Gives a tenant whose Stripe customer was deleted another; returns the one that counts, which is '
  'a third when somebody was faster.';

revoke all on function
  app_private.begin_billing_request(uuid, uuid, text),
  app_private.mean_subscription(uuid, uuid, text),
  app_private.finish_billing_request(uuid, uuid, jsonb),
  app_private.fail_billing_request(uuid, uuid, text, text, text),
  app_private.doubt_billing_request(uuid, uuid),
  app_private.pace_billing_request(uuid),
  app_private.customer_to_replace(uuid),
  app_private.replace_stripe_customer(uuid, text, text)
  from public;
grant execute on function
  app_private.begin_billing_request(uuid, uuid, text),
  app_private.mean_subscription(uuid, uuid, text),
  app_private.finish_billing_request(uuid, uuid, jsonb),
  app_private.fail_billing_request(uuid, uuid, text, text, text),
  app_private.doubt_billing_request(uuid, uuid),
  app_private.pace_billing_request(uuid),
  app_private.customer_to_replace(uuid),
  app_private.replace_stripe_customer(uuid, text, text)
  to app_worker;
/* Whoever asks anew ends what is late. */
grant execute on function app_private.fail_billing_request(uuid, uuid, text, text, text)
  to app_definer;
