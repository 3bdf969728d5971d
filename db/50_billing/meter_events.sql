/*
 * Usage that Stripe charges by. Each use that is counted here, and whose feature names a meter, is
 * put down in the same transaction; a task reports it. Stripe counts an identifier once, but keeps it
 * for no longer than a day: what may have been reported and is older than that is not sent again.
 */
create table if not exists app_private.meter_events (
  tenant_id    uuid        not null,
  identifier   text        not null,
  event_name   text        not null,
  value        integer     not null,
  used_at      timestamptz not null,
  status       text        not null default 'pending',
  attempted_at timestamptz,
  settled_at   timestamptz,
  constraint meter_events_pkey primary key (tenant_id, identifier),
  constraint meter_events_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint meter_events_identifier_bounded check (char_length(identifier) between 1 and 100),
  constraint meter_events_event_name_bounded check (char_length(event_name) between 1 and 100),
  constraint meter_events_status_known
    check (status in ('pending', 'reported', 'too_old', 'in_doubt'))
);
comment on table app_private.meter_events is 'Usage to be reported to Stripe''s meters.';
comment on column app_private.meter_events.identifier is
  'Made of the usage record, so that each has one, whoever reports it.';
comment on column app_private.meter_events.status is
  'pending. reported: Stripe has taken it. too_old: Stripe takes nothing older than 35 days. in_doubt: '
  'Stripe may have taken it, and would by now count it again. The last two raise an alarm.';
comment on column app_private.meter_events.attempted_at is
  'When Stripe was first asked to take it and did not refuse; null when it certainly has not.';
/* Serves: what is to be reported of a tenant. */
create index if not exists meter_events_pending_idx
  on app_private.meter_events (tenant_id, identifier) where status = 'pending';

alter table app_private.meter_events enable row level security;
alter table app_private.meter_events force row level security;
drop policy if exists all_worker on app_private.meter_events;
create policy all_worker on app_private.meter_events
  for all to app_worker using (true) with check (true);
drop policy if exists insert_tenant on app_private.meter_events;
create policy insert_tenant on app_private.meter_events
  for insert to app_definer with check (tenant_id = app_private.writable_tenant_id());
revoke all on app_private.meter_events from public, app_user, app_anonymous, app_worker, app_definer;
grant insert (tenant_id, identifier, event_name, value, used_at)
  on app_private.meter_events to app_definer;
grant select, delete, update (status, attempted_at, settled_at)
  on app_private.meter_events to app_worker;

create or replace function app_private.request_usage_report(
  p_tenant_id uuid,
  p_run_at timestamptz default now()
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_report_usage',
    json_build_object('tenant_id', p_tenant_id),
    queue_name => 'stripe_usage:' || p_tenant_id,
    run_at => p_run_at,
    job_key => 'stripe_usage:' || p_tenant_id,
    job_key_mode => 'preserve_run_at'
  );
end;
comment on function app_private.request_usage_report(uuid, timestamptz) is
  'Books that Stripe is told what a tenant has used.';

create or replace function app_private.tg_usage_records__report()
  returns trigger
  language plpgsql volatile
as $$
begin
  insert into app_private.meter_events (tenant_id, identifier, event_name, value, used_at)
  select
    new.tenant_id,
    encode(
      sha256(
        convert_to(
          json_build_array(new.tenant_id, new.feature_key, new.idempotency_key)::text, 'UTF8'
        )
      ),
      'hex'
    ),
    features.meter_event,
    new.amount,
    new.created_at
  from app_public.features
  where features.key = new.feature_key
  and features.meter_event is not null;
  if found then
    perform app_private.request_usage_report(new.tenant_id, now() + interval '5 seconds');
  end if;
  return null;
end;
$$;
comment on function app_private.tg_usage_records__report() is
  'Puts down what Stripe is to charge for, where the feature names a meter.';

create or replace trigger _500_report
  after insert on app_private.usage_records
  for each row execute function app_private.tg_usage_records__report();

create or replace function app_private.begin_meter_event(p_tenant_id uuid, p_after text)
  returns table (
    identifier text, event_name text, value integer, used_at timestamptz, customer_id text
  )
  language plpgsql volatile parallel unsafe
as $$
declare
  v_lost record;
begin
  for v_lost in
    update app_private.meter_events as events set
      status = case
        when events.attempted_at is null then 'too_old'
        else 'in_doubt'
      end,
      settled_at = now()
    where events.tenant_id = p_tenant_id
    and events.status = 'pending'
    and (
      events.used_at < now() - interval '35 days'
      or events.attempted_at < now() - interval '23 hours'
    )
    returning events.status, events.event_name
  loop
    perform app_private.raise_alarm(
      'usage_not_reported',
      p_tenant_id::text,
      format('Usage for the meter %s was not reported to Stripe: %s', v_lost.event_name, v_lost.status)
    );
  end loop;

  return query
  update app_private.meter_events as events set
    attempted_at = coalesce(events.attempted_at, now())
  from app_public.billing_accounts
  where billing_accounts.tenant_id = events.tenant_id
  and billing_accounts.stripe_customer_id is not null
  and events.tenant_id = p_tenant_id
  and events.identifier = (
    select next_one.identifier
    from app_private.meter_events as next_one
    where next_one.tenant_id = p_tenant_id
    and next_one.status = 'pending'
    and next_one.identifier > p_after
    order by next_one.identifier
    limit 1
  )
  returning
    events.identifier,
    events.event_name,
    events.value,
    events.used_at,
    billing_accounts.stripe_customer_id;
end;
$$;
comment on function app_private.begin_meter_event(uuid, text) is
  'The tenant''s next usage to report after an identifier; no row when there is none, or when '
  'Stripe does not know the tenant. What can''t be reported any more is put aside '
  'with an alarm.';

create or replace function app_private.end_meter_event(
  p_tenant_id uuid,
  p_identifier text,
  p_is_taken boolean
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.meter_events set
    status = case when p_is_taken then 'reported' else 'pending' end,
    attempted_at = case when p_is_taken then meter_events.attempted_at end,
    settled_at = case when p_is_taken then now() end
  where meter_events.tenant_id = p_tenant_id
  and meter_events.identifier = p_identifier
  and meter_events.status = 'pending';
end;
comment on function app_private.end_meter_event(uuid, text, boolean) is
  'Notes that Stripe has taken a usage, or has certainly refused it.';

create or replace function app_private.resume_usage_reports()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.request_usage_report(waiting.tenant_id)
  from (
    select distinct events.tenant_id
    from app_private.meter_events as events
    where events.status = 'pending'
    and events.used_at < now() - interval '1 hour'
  ) as waiting
  where not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_usage:' || waiting.tenant_id
    and (jobs.attempts < jobs.max_attempts or jobs.locked_at is not null)
  );
end;
comment on function app_private.resume_usage_reports() is
  'Books the report of usage that is an hour old and which nobody works on: its job was lost, dismissed '
  'or failed for good, or the tenant had no customer at Stripe then.';

create or replace function app_private.prune_meter_events()
  returns void
  language sql volatile parallel unsafe
begin atomic
  /* A use that is repeated by its caller is known by its usage record, which stays. */
  delete from app_private.meter_events
  where meter_events.status = 'reported'
  and meter_events.settled_at < now() - interval '90 days';
end;
comment on function app_private.prune_meter_events() is
  'Forgets usage that Stripe took 90 days ago. What it has not taken stays.';

revoke all on function
  app_private.tg_usage_records__report(),
  app_private.request_usage_report(uuid, timestamptz),
  app_private.resume_usage_reports(),
  app_private.prune_meter_events(),
  app_private.begin_meter_event(uuid, text),
  app_private.end_meter_event(uuid, text, boolean)
  from public;
grant execute on function app_private.tg_usage_records__report() to app_definer;
grant execute on function app_private.request_usage_report(uuid, timestamptz)
  to app_definer, app_worker;
grant execute on function
  app_private.resume_usage_reports(),
  app_private.prune_meter_events(),
  app_private.begin_meter_event(uuid, text),
  app_private.end_meter_event(uuid, text, boolean)
  to app_worker;
