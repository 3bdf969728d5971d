/*
 * What graphile_worker.add_job does for a job whose key is new, in one statement instead of its five,
 * which cost several times the event's own. Whatever is not as simple is left to it.
 *
 * Wakes nobody: transactions that notify commit one after another, each waiting for the disk alone,
 * which made arriving events several times slower. Whoever books tells the workers afterwards; one
 * that was not told looks by itself within a second.
 */
create or replace function app_private.book_event_job(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  insert into graphile_worker._private_jobs (task_id, payload, key)
  select
    tasks.id,
    json_build_object('event_id', p_event_id),
    'stripe_event:' || p_event_id
  from graphile_worker._private_tasks as tasks
  where tasks.identifier = 'stripe_process_event'
  on conflict (key) do nothing;
  if not found then
    perform graphile_worker.add_job(
      'stripe_process_event',
      json_build_object('event_id', p_event_id),
      job_key => 'stripe_event:' || p_event_id
    );
  end if;
end;
$$;
comment on function app_private.book_event_job(text) is
  'Books the processing of an event, under its key. Wakes no worker: they look every second.';

/*
 * security definer: the HTTP process may drop a verified event into the inbox and nothing else. The
 * row and its job are one statement, so one transaction: neither is there without the other.
 */
create or replace function app_private.receive_stripe_event(
  p_id text,
  p_type text,
  p_object_type text,
  p_object_id text,
  p_customer_id text,
  p_account_id text,
  p_livemode boolean,
  p_api_version text,
  p_created_at timestamptz,
  p_payload json,
  p_our_account_id text,
  p_our_livemode boolean
)
  returns text
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text := case
    when p_livemode <> p_our_livemode then 'ignored_mode'
    when p_account_id is not null and p_account_id is distinct from p_our_account_id then 'foreign'
    when exists (
      select from app_private.stripe_event_routes() as routes where routes.type = p_type
    ) then 'pending'
    else 'ignored'
  end;
begin
  insert into app_private.stripe_events (
    id, type, object_type, object_id, customer_id, account_id, livemode, api_version, status,
    reason, payload, created_at, received_seq
  )
  values (
    p_id, p_type, p_object_type, p_object_id, p_customer_id, p_account_id, p_livemode,
    p_api_version, v_status,
    case v_status
      when 'ignored_mode' then 'Of Stripe''s other mode'
      when 'foreign' then 'Of another account'
      when 'ignored' then 'Of a type that nothing is done about'
    end,
    p_payload, p_created_at, nextval('app_private.stripe_sync_seq'::regclass)
  )
  on conflict (id) do nothing;
  if not found then
    return 'duplicate';
  end if;

  if v_status = 'pending' then
    perform app_private.book_event_job(p_id);
  elsif v_status = 'ignored_mode' then
    perform app_private.raise_alarm(
      'stripe_mode_mismatch',
      case when p_livemode then 'live' else 'test' end,
      'Events of Stripe''s other mode arrive: is an endpoint of it pointed at this deployment?',
      jsonb_build_object('event_id', p_id, 'type', p_type)
    );
  end if;
  return v_status;
end;
$$;
comment on function app_private.receive_stripe_event(
  text, text, text, text, text, text, boolean, text, timestamptz, json, text, boolean
) is
  'Keeps a verified event and books its processing, once for each id. p_our_…: the account (null '
  'without several) and the mode that are this deployment''s. Returns pending, ignored, '
  'ignored_mode, foreign or duplicate.';
alter function app_private.receive_stripe_event(
  text, text, text, text, text, text, boolean, text, timestamptz, json, text, boolean
) owner to app_definer;

revoke all on function
  app_private.book_event_job(text),
  app_private.receive_stripe_event(
    text, text, text, text, text, text, boolean, text, timestamptz, json, text, boolean
  )
  from public;
grant execute on function app_private.book_event_job(text) to app_definer, app_worker;
grant execute on function app_private.receive_stripe_event(
  text, text, text, text, text, text, boolean, text, timestamptz, json, text, boolean
) to rowhouse_server, app_worker;
