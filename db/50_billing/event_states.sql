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
    stripe_events.status,
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
    /* A sync that has yet to begin will see this event too: it needs no other. */
    if v_event.status = 'failed' or not exists (
      select
      from graphile_worker._private_jobs as jobs
      where jobs.key = 'stripe_customer:' || v_event.customer_id
      and jobs.locked_at is null
      and jobs.attempts = 0
      and jobs.run_at <= now()
    ) then
      perform app_private.hand_over_stripe_event(p_event_id, v_event.customer_id);
    end if;
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

revoke all on function
  app_private.park_stripe_event(text, text, text),
  app_private.hand_over_stripe_event(text, text),
  app_private.process_stripe_event(text)
  from public;
grant execute on function
  app_private.park_stripe_event(text, text, text),
  app_private.hand_over_stripe_event(text, text),
  app_private.process_stripe_event(text)
  to app_worker;
