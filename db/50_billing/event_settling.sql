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

revoke all on function app_private.settle_stripe_events(text, bigint, boolean) from public;
grant execute on function app_private.settle_stripe_events(text, bigint, boolean) to app_worker;
