/*
 * What graphile_worker.add_job does for jobs whose keys are new, in one statement instead of five for
 * each, which cost several times the events' own. Whatever is not as simple is left to it.
 *
 * Wakes nobody: transactions that notify commit one after another, each waiting for the disk alone,
 * which made arriving events several times slower. Whoever books tells the workers afterwards; one
 * that was not told looks by itself within a second.
 */
create or replace function app_private.book_event_jobs(p_event_ids text[])
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_count bigint;
begin
  insert into graphile_worker._private_jobs (task_id, payload, key)
  select
    tasks.id,
    json_build_object('event_id', events.id),
    'stripe_event:' || events.id
  from unnest(p_event_ids) as events (id)
  cross join graphile_worker._private_tasks as tasks
  where tasks.identifier = 'stripe_process_event'
  on conflict (key) do nothing;
  get diagnostics v_count = row_count;
  if v_count < cardinality(p_event_ids) then
    perform graphile_worker.add_job(
      'stripe_process_event',
      json_build_object('event_id', events.id),
      job_key => 'stripe_event:' || events.id
    )
    from unnest(p_event_ids) as events (id);
  end if;
end;
$$;
comment on function app_private.book_event_jobs(text[]) is
  'Books the processing of events, each under its key. Wakes no worker: they look every second.';

/*
 * security definer: the HTTP process may drop verified events into the inbox and nothing else. The
 * rows and their jobs are one statement, so one transaction: neither is there without the other.
 *
 * Several servers may be given the same events at once. None waits for another in a circle: each
 * takes the events in the order of their ids, and the alarm, which they all share, after the last.
 */
create or replace function app_private.receive_stripe_events(
  p_our_account_id text,
  p_our_livemode boolean,
  p_ids text[],
  p_types text[],
  p_object_types text[],
  p_object_ids text[],
  p_customer_ids text[],
  p_account_ids text[],
  p_livemodes boolean[],
  p_api_versions text[],
  p_created double precision[],
  p_payloads json[]
)
  returns table (event_id text, event_status text)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids text[];
  v_statuses text[];
  v_pending text[];
  v_other_mode text[];
begin
  with kept as (
    insert into app_private.stripe_events (
      id, type, object_type, object_id, customer_id, account_id, livemode, api_version, status,
      reason, payload, created_at, received_seq
    )
    select
      arrived.id, arrived.type, arrived.object_type, arrived.object_id, arrived.customer_id,
      arrived.account_id, arrived.livemode, arrived.api_version, arrived.status,
      case arrived.status
        when 'ignored_mode' then 'Of Stripe''s other mode'
        when 'foreign' then 'Of another account'
        when 'ignored' then 'Of a type that nothing is done about'
      end,
      arrived.payload, to_timestamp(arrived.created),
      nextval('app_private.stripe_sync_seq'::regclass)
    from (
      select
        events.*,
        case
          when events.livemode <> p_our_livemode then 'ignored_mode'
          when
            events.account_id is not null
            and events.account_id is distinct from p_our_account_id
          then 'foreign'
          when exists (
            select from app_private.stripe_event_routes() as routes where routes.type = events.type
          ) then 'pending'
          else 'ignored'
        end as status
      from unnest(
        p_ids, p_types, p_object_types, p_object_ids, p_customer_ids, p_account_ids, p_livemodes,
        p_api_versions, p_created, p_payloads
      ) with ordinality as events (
        id, type, object_type, object_id, customer_id, account_id, livemode, api_version, created,
        payload, place
      )
      order by events.id collate "C", events.place
    ) as arrived
    on conflict (id) do nothing
    returning stripe_events.id, stripe_events.status
  )
  select
    array_agg(kept.id),
    array_agg(kept.status),
    array_agg(kept.id) filter (where kept.status = 'pending'),
    array_agg(kept.id) filter (where kept.status = 'ignored_mode')
  into v_ids, v_statuses, v_pending, v_other_mode
  from kept;

  if v_pending is not null then
    perform app_private.book_event_jobs(v_pending);
  end if;
  if v_other_mode is not null then
    perform app_private.raise_alarm(
      'stripe_mode_mismatch',
      case when p_our_livemode then 'test' else 'live' end,
      'Events of Stripe''s other mode arrive: is an endpoint of it pointed at this deployment?',
      jsonb_build_object('event_id', stripe_events.id, 'type', stripe_events.type)
    )
    from app_private.stripe_events
    where stripe_events.id = any (v_other_mode);
  end if;
  return query select * from unnest(v_ids, v_statuses);
end;
$$;
comment on function app_private.receive_stripe_events(
  text, boolean, text[], text[], text[], text[], text[], text[], boolean[], text[],
  double precision[], json[]
) is
  'Keeps verified events and books their processing, once for each id. p_our_…: the account (null '
  'without several) and the mode that are this deployment''s; the others have an element for each '
  'event, p_created in Unix seconds. Returns those that are new, as pending, ignored, ignored_mode or '
  'foreign; all others are duplicates.';
alter function app_private.receive_stripe_events(
  text, boolean, text[], text[], text[], text[], text[], text[], boolean[], text[],
  double precision[], json[]
) owner to app_definer;

revoke all on function
  app_private.book_event_jobs(text[]),
  app_private.receive_stripe_events(
    text, boolean, text[], text[], text[], text[], text[], text[], boolean[], text[],
    double precision[], json[]
  )
  from public;
grant execute on function app_private.book_event_jobs(text[]) to app_definer, app_worker;
grant execute on function app_private.receive_stripe_events(
  text, boolean, text[], text[], text[], text[], text[], text[], boolean[], text[],
  double precision[], json[]
) to rowhouse_server, app_worker;
