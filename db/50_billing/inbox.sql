create or replace function app_private.is_billing_event(p_type text)
  returns boolean
  language sql immutable parallel safe
return p_type ~ '^(customer|invoice|checkout\.session|entitlements|payment_method|setup_intent)\.';
comment on function app_private.is_billing_event(text) is
  'Whether an event may change what a customer has bought. Too many is harmless: each only asks '
  'for a fresh look at the customer.';

/*
 * security definer: the HTTP process may drop a verified event into the inbox and nothing else. The
 * row and its job are one statement, so one transaction: neither is there without the other.
 */
create or replace function app_private.receive_stripe_event(
  p_id text,
  p_type text,
  p_customer_id text,
  p_livemode boolean,
  p_expected_livemode boolean,
  p_api_version text,
  p_created_at timestamptz,
  p_payload json
)
  returns text
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text := case
    when p_livemode <> p_expected_livemode then 'ignored_mode'
    when p_customer_id is null or not app_private.is_billing_event(p_type) then 'ignored'
    else 'pending'
  end;
begin
  insert into app_private.stripe_events (
    id, type, customer_id, livemode, api_version, status, payload, created_at
  )
  values (
    p_id, p_type, p_customer_id, p_livemode, p_api_version, v_status, p_payload, p_created_at
  )
  on conflict (id) do nothing;
  if not found then
    return 'duplicate';
  end if;

  if v_status = 'pending' then
    perform graphile_worker.add_job(
      'stripe_process_event',
      json_build_object('event_id', p_id),
      job_key => 'stripe_event:' || p_id
    );
  end if;
  return v_status;
end;
$$;
comment on function app_private.receive_stripe_event(
  text, text, text, boolean, boolean, text, timestamptz, json
) is
  'Keeps a verified event and books its processing, once for each id. Returns pending, ignored, '
  'ignored_mode or duplicate.';
alter function app_private.receive_stripe_event(
  text, text, text, boolean, boolean, text, timestamptz, json
) owner to app_definer;

create or replace function app_private.request_customer_sync(p_customer_id text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * One queue and one key a customer: bursts fold into one sync, and an event that comes while one
   * runs gets another after it.
   */
  select graphile_worker.add_job(
    'stripe_sync_customer',
    json_build_object('customer_id', p_customer_id),
    queue_name => 'stripe_customer:' || p_customer_id,
    job_key => 'stripe_customer:' || p_customer_id
  );
end;
comment on function app_private.request_customer_sync(text) is
  'Books a fresh copy of a customer''s subscriptions from Stripe.';

create or replace function app_private.process_stripe_event(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_private.stripe_events set
    status = 'processed',
    processed_at = now()
  where stripe_events.id = p_event_id
  and stripe_events.status = 'pending'
  returning stripe_events.customer_id into v_customer_id;
  if found then
    perform app_private.request_customer_sync(v_customer_id);
  end if;
end;
$$;
comment on function app_private.process_stripe_event(text) is
  'Hands a pending event to its customer''s sync, in one transaction; changes nothing twice.';

revoke all on function
  app_private.is_billing_event(text),
  app_private.receive_stripe_event(
    text, text, text, boolean, boolean, text, timestamptz, json
  ),
  app_private.request_customer_sync(text),
  app_private.process_stripe_event(text)
  from public;
grant execute on function app_private.is_billing_event(text) to app_definer;
grant execute on function app_private.receive_stripe_event(
  text, text, text, boolean, boolean, text, timestamptz, json
) to rowhouse_server;
grant execute on function
  app_private.request_customer_sync(text),
  app_private.process_stripe_event(text)
  to app_worker;
