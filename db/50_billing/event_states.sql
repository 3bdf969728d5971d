/*
 * What becomes of an event in the inbox, on its way through the tasks. Each function locks the event
 * before it books a job, and none books before it locks, so that they can't wait for each other.
 */
create or replace function app_private.park_stripe_event(
  p_event_id text,
  p_status text,
  p_reason text default null
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.stripe_events set
    status = p_status,
    reason = left(p_reason, 1000),
    processed_at = now()
  where stripe_events.id = p_event_id
  and stripe_events.status in ('pending', 'failed');
  select app_private.resolve_alarm('stripe_event_failed', p_event_id);
end;
comment on function app_private.park_stripe_event(text, text, text) is
  'Ends the way of an event that leads to no customer, in the state and for the reason given.';

create or replace function app_private.hand_over_stripe_event(
  p_event_id text,
  p_customer_id text
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_event record;
begin
  select stripe_events.status, stripe_events.customer_id into v_event
  from app_private.stripe_events
  where stripe_events.id = p_event_id
  and stripe_events.status in ('pending', 'failed')
  for no key update;
  if not found then
    return;
  end if;

  /* Most have it all already: an update less for each. */
  if v_event.status = 'failed' or v_event.customer_id is distinct from p_customer_id then
    update app_private.stripe_events set
      status = 'pending',
      reason = null,
      customer_id = p_customer_id
    where stripe_events.id = p_event_id;
    perform app_private.resolve_alarm('stripe_event_failed', p_event_id);
  end if;
  perform app_private.request_customer_sync(p_customer_id);
end;
$$;
comment on function app_private.hand_over_stripe_event(text, text) is
  'Notes whom an event is about and books that customer''s sync, in one transaction. The sync settles '
  'the event.';

create or replace function app_private.process_stripe_event(p_event_id text)
  returns table (object_type text, object_id text, charge_id text)
  language plpgsql volatile parallel unsafe
as $$
declare
  v_event record;
begin
  select
    stripe_events.type,
    stripe_events.customer_id,
    stripe_events.object_type,
    stripe_events.object_id,
    routes.target,
    routes.alarm
  into v_event
  from app_private.stripe_events
  left join app_private.stripe_event_routes() as routes on routes.type = stripe_events.type
  where stripe_events.id = p_event_id
  and stripe_events.status in ('pending', 'failed')
  for no key update of stripe_events;
  if not found then
    return;
  end if;

  if v_event.target is null then
    perform app_private.park_stripe_event(
      p_event_id, 'ignored', 'Of a type that nothing is done about'
    );
  elsif v_event.target = 'catalog' then
    perform app_private.park_stripe_event(p_event_id, 'processed');
    perform app_private.request_catalog_sync();
  elsif v_event.target = 'operator' then
    perform app_private.park_stripe_event(p_event_id, 'processed');
    perform app_private.raise_alarm(
      v_event.alarm,
      coalesce(v_event.object_id, v_event.type),
      format('Stripe sent %s', v_event.type),
      jsonb_build_object('event_id', p_event_id)
    );
  elsif v_event.customer_id is not null then
    perform app_private.hand_over_stripe_event(p_event_id, v_event.customer_id);
  else
    /* A charge that the event names is a step less to the customer. */
    return query
      select
        v_event.object_type,
        v_event.object_id,
        stripe_events.payload #>> '{data,object,charge}'
      from app_private.stripe_events
      where stripe_events.id = p_event_id;
  end if;
end;
$$;
comment on function app_private.process_stripe_event(text) is
  'Does what stripe_event_routes() says about an event that waits, in one transaction. When Stripe '
  'must be asked first whom it is about, changes nothing and returns what to ask for.';

create or replace function app_private.settle_stripe_events(
  p_customer_id text,
  p_sync_seq bigint,
  p_is_ours boolean
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_event record;
  v_waiting interval;
begin
  if p_is_ours then
    for v_event in
      update app_private.stripe_events set
        status = 'processed',
        reason = null,
        processed_at = now()
      where stripe_events.customer_id = p_customer_id
      and stripe_events.status in ('pending', 'failed', 'foreign')
      and stripe_events.received_seq < p_sync_seq
      returning stripe_events.id, stripe_events.type, stripe_events.object_id
    loop
      perform app_private.raise_alarm(
        routes.alarm,
        coalesce(v_event.object_id, v_event.id),
        format('Stripe sent %s about the customer %s', v_event.type, p_customer_id),
        jsonb_build_object('customer_id', p_customer_id, 'event_id', v_event.id)
      )
      from app_private.stripe_event_routes() as routes
      where routes.type = v_event.type
      and routes.alarm is not null;
    end loop;
    perform app_private.resolve_alarm('stripe_event_failed', p_customer_id);
    return;
  end if;

  select now() - min(stripe_events.received_at) into v_waiting
  from app_private.stripe_events
  where stripe_events.customer_id = p_customer_id
  and stripe_events.status = 'pending';

  /* Our own note of a customer may be on its way; that of one who was foreign before is not. */
  if v_waiting < interval '5 minutes' and not exists (
    select
    from app_private.stripe_events
    where stripe_events.customer_id = p_customer_id
    and stripe_events.status = 'foreign'
  ) then
    perform app_private.request_customer_sync(
      p_customer_id, now() + greatest(v_waiting, interval '2 seconds')
    );
  else
    update app_private.stripe_events set
      status = 'foreign',
      reason = 'No tenant here has this customer',
      processed_at = now()
    where stripe_events.customer_id = p_customer_id
    and stripe_events.status in ('pending', 'failed')
    and stripe_events.received_seq < p_sync_seq;
    perform app_private.resolve_alarm('stripe_event_failed', p_customer_id);
  end if;
end;
$$;
comment on function app_private.settle_stripe_events(text, bigint, boolean) is
  'Says what became of a customer''s events that a sync with this number has seen. When the customer '
  'is no tenant''s, books another look, each time twice as late, and after five minutes calls them '
  'foreign.';

revoke all on function
  app_private.park_stripe_event(text, text, text),
  app_private.hand_over_stripe_event(text, text),
  app_private.process_stripe_event(text),
  app_private.settle_stripe_events(text, bigint, boolean)
  from public;
grant execute on function
  app_private.park_stripe_event(text, text, text),
  app_private.hand_over_stripe_event(text, text),
  app_private.process_stripe_event(text),
  app_private.settle_stripe_events(text, bigint, boolean)
  to app_worker;
