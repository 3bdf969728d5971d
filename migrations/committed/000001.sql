--! Previous: -
--! Hash: sha1:1a7003a128ace44b84f5a30c1a8d6bd274f7181c

--! Included index.sql
--! Included 00_foundation/schemas.sql
create schema if not exists app_public;
comment on schema app_public is
  'Becomes the GraphQL API: every table, view and function here is a promise to a frontend.';

create schema if not exists app_private;
comment on schema app_private is
  'Never exposed: settings, checks, billing state, whatever a client has no business with.';

create schema if not exists auth;
comment on schema auth is
  'The identity provider''s tables (better-auth): people, sessions, passwords, signing keys.';

revoke all on schema app_public, app_private, auth from public;
grant usage on schema app_public, app_private
  to app_user, app_anonymous, app_worker, app_identity, app_definer, app_searcher;
grant usage on schema auth to app_identity;

/* The two logins call the doors that stand here: enter, receive_stripe_events. Nothing else. */
grant usage on schema app_private to rowhouse_server, rowhouse_worker;

/* A function's new owner must be able to create in its schema; app_definer has no login. */
grant create on schema app_public, app_private to app_definer, app_searcher;
--! EndIncluded 00_foundation/schemas.sql
--! Included 00_foundation/queue.sql
/*
 * graphile_worker's tables come from graphile-worker itself (`npm run migrate` installs them first).
 * They have row-level security without policies, so that only their owner gets in. The worker is
 * not an owner: these policies let it, and the definer functions that enqueue, work the queue.
 */
grant usage on schema graphile_worker to app_worker, app_definer;
grant execute on all functions in schema graphile_worker to app_worker, app_definer;
grant usage on all sequences in schema graphile_worker to app_worker, app_definer;
grant select, insert, update, delete on all tables in schema graphile_worker to app_worker;
-- The worker asks for the queue's version when it starts; the deployment alone writes it.
revoke insert, update, delete on graphile_worker.migrations from app_worker;
grant select, insert, update on
  graphile_worker._private_jobs,
  graphile_worker._private_job_queues,
  graphile_worker._private_tasks
  to app_definer;

drop policy if exists all_worker on graphile_worker._private_jobs;
create policy all_worker on graphile_worker._private_jobs
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_job_queues;
create policy all_worker on graphile_worker._private_job_queues
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_tasks;
create policy all_worker on graphile_worker._private_tasks
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_known_crontabs;
create policy all_worker on graphile_worker._private_known_crontabs
  for all to app_worker using (true) with check (true);
--! EndIncluded 00_foundation/queue.sql
--! Included 00_foundation/settings.sql
/*
 * Whose transaction this is. app_private.enter() writes the settings once a transaction; policies
 * read them through the functions below and look nothing up. Each function is a plain expression
 * that the planner inlines, so a policy is one index condition; its second half is reached only
 * when there is nothing to hand out, and then refuses loudly instead of showing no rows.
 *
 * A plan may be kept and then serve another tenant, so the planner must not see whose it makes it
 * for: row(1, 2) < row(2, 1) is true, but is worked out only when the statement runs, and what a
 * refusal returns is a record, which the planner never asks for either. So it plans for a tenant of
 * average size (docs/decisions/0014).
 *
 *   app.current_user_id      the person
 *   app.member_tenant_id     the tenant they are in, whatever its access
 *   app.current_tenant_id    the same, when it may be read
 *   app.writable_tenant_id   the same, when it may be written
 *   app.access               full, read_only or none
 *   app.access_reason        why, for the refusal
 *   app.permissions          what their role allows, separated by blanks
 *   app.api_key_id           the API key, when no person but a machine asks
 *   app.request              from where: {"ip", "requestId", "livemode"}, for the audit log
 */
create or replace function app_private.refuse_user(out user_id uuid, out refusal text)
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'You must be signed in'
    using errcode = 'LOGIN',
          hint    = 'Send an access token from POST /auth/token as Authorization: Bearer.';
end;
$$;
comment on function app_private.refuse_user() is
  'Raises LOGIN; stands where a user id was wanted and none is set.';

create or replace function app_private.api_key_lacks_scope()
  returns boolean
  language sql stable parallel safe
return coalesce(pg_catalog.current_setting('app.api_key_id', true), '') <> ''
  and (
    pg_catalog.current_setting('app.access', true) = 'full'
    or (
      pg_catalog.current_setting('app.access', true) = 'read_only'
      and pg_catalog.current_setting('app.current_tenant_id', true) = ''
    )
  );
comment on function app_private.api_key_lacks_scope() is
  'For refuse_tenant: whether the tenant would have allowed it, and only the API key does not.';

create or replace function app_private.refuse_tenant(
  p_scope text,
  out tenant_id uuid,
  out refusal text
)
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(pg_catalog.current_setting('app.member_tenant_id', true), '') = '' then
    raise exception 'This needs a tenant, and the access token names none'
      using errcode = 'TNREQ',
            hint    = 'Ask POST /auth/token for a token with a tenantId.';
  elsif app_private.api_key_lacks_scope() then
    raise exception 'The API key lacks a scope that this needs'
      using errcode = 'DNIED',
            detail  = pg_catalog.json_build_object('scope', p_scope)::text,
            hint    = 'Make a key with this scope: createApiKey.';
  elsif pg_catalog.current_setting('app.access', true) = 'none' then
    raise exception 'The tenant is suspended'
      using errcode = 'TNSUS',
            detail  = pg_catalog.json_build_object(
                        'reason', pg_catalog.current_setting('app.access_reason', true)
                      )::text,
            hint    = 'currentTenant and its billing tell what is owed.';
  else
    raise exception 'The tenant is read-only'
      using errcode = 'TNRDO',
            detail  = pg_catalog.json_build_object(
                        'reason', pg_catalog.current_setting('app.access_reason', true)
                      )::text,
            hint    = 'currentTenant and its billing tell what is owed.';
  end if;
end;
$$;
comment on function app_private.refuse_tenant(text) is
  'Raises TNREQ, DNIED, TNSUS or TNRDO; stands where a tenant id was wanted and none may be handed '
  'out. p_scope is what an API key would have needed.';

create or replace function app_private.current_user_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.current_user_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_user()).user_id
);
comment on function app_private.current_user_id() is
  'The signed-in person; raises LOGIN when there is none.';

create or replace function app_private.member_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.member_tenant_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_tenant('read')).tenant_id
);
comment on function app_private.member_tenant_id() is
  'The tenant entered, also when suspended: for its own row, its people and its billing.';

create or replace function app_private.current_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.current_tenant_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_tenant('read')).tenant_id
);
comment on function app_private.current_tenant_id() is
  'The tenant whose rows may be read; raises TNREQ or TNSUS when there is none.';

create or replace function app_private.writable_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.writable_tenant_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_tenant('write')).tenant_id
);
comment on function app_private.writable_tenant_id() is
  'The tenant whose rows may be written; raises TNREQ, TNSUS or TNRDO when there is none.';

revoke all on function
  app_private.refuse_user(),
  app_private.api_key_lacks_scope(),
  app_private.refuse_tenant(text),
  app_private.current_user_id(),
  app_private.member_tenant_id(),
  app_private.current_tenant_id(),
  app_private.writable_tenant_id()
  from public;
grant execute on function
  app_private.refuse_user(),
  app_private.api_key_lacks_scope(),
  app_private.refuse_tenant(text),
  app_private.current_user_id(),
  app_private.member_tenant_id(),
  app_private.current_tenant_id(),
  app_private.writable_tenant_id()
  to app_user, app_worker, app_definer, app_searcher;
--! EndIncluded 00_foundation/settings.sql
--! Included 00_foundation/permissions.sql
create or replace function app_private.has_permission(permission text)
  returns boolean
  language sql stable parallel safe
return coalesce(
  has_permission.permission = any (
    pg_catalog.string_to_array(pg_catalog.current_setting('app.permissions', true), ' ')
  ),
  false
);
comment on function app_private.has_permission(text) is
  'Whether the caller''s role in the tenant allows this; for policies, where it is a constant.';

create or replace function app_private.require_permission(permission text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not app_private.has_permission(require_permission.permission) then
    raise exception 'Your role does not allow this'
      using errcode = 'DNIED',
            detail  = pg_catalog.json_build_object(
                        'permission', require_permission.permission
                      )::text,
            hint    = 'Ask an owner of the tenant.';
  end if;
end;
$$;
comment on function app_private.require_permission(text) is
  'Raises DNIED unless the caller''s role in the tenant allows this.';

revoke all on function
  app_private.has_permission(text),
  app_private.require_permission(text)
  from public;
grant execute on function
  app_private.has_permission(text),
  app_private.require_permission(text)
  to app_user, app_definer;
--! EndIncluded 00_foundation/permissions.sql

--! Included 05_operations/tables.sql
create table if not exists app_private.alarms (
  id             uuid        not null default uuidv7(),
  kind           text        not null,
  subject        text        not null,
  message        text        not null,
  details        jsonb       not null default '{}',
  times          integer     not null default 1,
  raised_at      timestamptz not null default now(),
  last_raised_at timestamptz not null default now(),
  resolved_at    timestamptz,
  constraint alarms_pkey primary key (id),
  constraint alarms_kind_form check (kind ~ '^[a-z][a-z_]{0,59}$'),
  constraint alarms_subject_bounded check (char_length(subject) <= 255),
  constraint alarms_message_bounded check (char_length(message) <= 1000)
);
comment on table app_private.alarms is
  'What an operator should look at. The same thing again counts up the open alarm instead of making '
  'another; what has mended itself is resolved, not deleted.';
comment on column app_private.alarms.kind is 'What is wrong, e.g. duplicate_subscription.';
comment on column app_private.alarms.subject is 'What it is wrong with: a Stripe id, a tenant''s id.';
comment on column app_private.alarms.times is 'How often it was raised since raised_at.';
/* At most one open alarm a matter, whoever races. */
create unique index if not exists alarms_one_open
  on app_private.alarms (kind, subject) where resolved_at is null;
--! EndIncluded 05_operations/tables.sql
--! Included 05_operations/access.sql
revoke all on app_private.alarms from public, app_user, app_anonymous, app_worker, app_definer;
grant
  select, insert,
  update (message, details, times, last_raised_at, resolved_at)
  on app_private.alarms to app_worker, app_definer;
--! EndIncluded 05_operations/access.sql
--! Included 05_operations/policies.sql
alter table app_private.alarms enable row level security;
alter table app_private.alarms force row level security;
drop policy if exists all_system on app_private.alarms;
create policy all_system on app_private.alarms
  for all to app_worker, app_definer using (true) with check (true);
--! EndIncluded 05_operations/policies.sql
--! Included 05_operations/alarms.sql
create or replace function app_private.raise_alarm(
  p_kind text,
  p_subject text,
  p_message text,
  p_details jsonb default '{}'
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.alarms (kind, subject, message, details)
  values (p_kind, left(p_subject, 255), left(p_message, 1000), p_details)
  on conflict (kind, subject) where resolved_at is null do update set
    message = excluded.message,
    details = excluded.details,
    times = alarms.times + 1,
    last_raised_at = now();
end;
comment on function app_private.raise_alarm(text, text, text, jsonb) is
  'Tells the operator of something; once for each matter that is open.';

create or replace function app_private.resolve_alarm(p_kind text, p_subject text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.alarms set resolved_at = now()
  where alarms.kind = p_kind
  and alarms.subject = left(p_subject, 255)
  and alarms.resolved_at is null;
end;
comment on function app_private.resolve_alarm(text, text) is
  'Closes the open alarm of a matter that has mended itself, if there is one.';

revoke all on function
  app_private.raise_alarm(text, text, text, jsonb),
  app_private.resolve_alarm(text, text)
  from public;
grant execute on function
  app_private.raise_alarm(text, text, text, jsonb),
  app_private.resolve_alarm(text, text)
  to app_worker, app_definer;
--! EndIncluded 05_operations/alarms.sql
--! Included 05_operations/heartbeats.sql
/*
 * graphile-worker holds the jobs of a worker that died for four hours. Here each worker says every
 * few seconds that it lives, and whoever lives releases what the dead have locked.
 */
create table if not exists app_private.worker_heartbeats (
  worker_id  text        not null,
  started_at timestamptz not null default now(),
  beat_at    timestamptz not null default now(),
  tended_at  timestamptz,
  constraint worker_heartbeats_pkey primary key (worker_id),
  constraint worker_heartbeats_worker_bounded check (char_length(worker_id) between 1 and 128)
);
comment on table app_private.worker_heartbeats is
  'The workers that live, each by the name under which it locks jobs.';
comment on column app_private.worker_heartbeats.tended_at is
  'When it last looked for what the dead left behind; null when it has not yet.';

revoke all on app_private.worker_heartbeats
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, delete, update (beat_at, tended_at)
  on app_private.worker_heartbeats to app_worker;

alter table app_private.worker_heartbeats enable row level security;
alter table app_private.worker_heartbeats force row level security;
drop policy if exists all_worker on app_private.worker_heartbeats;
create policy all_worker on app_private.worker_heartbeats
  for all to app_worker using (true) with check (true);

create or replace function app_private.beat(p_worker_id text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.worker_heartbeats (worker_id) values (p_worker_id)
  on conflict (worker_id) do update set beat_at = now();
end;
comment on function app_private.beat(text) is
  'A worker says that it lives. One that was thought dead is alive again.';

create or replace function app_private.end_worker(p_worker_id text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  delete from app_private.worker_heartbeats where worker_heartbeats.worker_id = p_worker_id;
end;
comment on function app_private.end_worker(text) is
  'A worker that has stopped is not waited for.';

/*
 * A job's lock counts as dead when it is older than the limit and its holder has not said for as
 * long that it lives. So a worker that starts has time for its first beat, and one that knows
 * nothing of heartbeats has its jobs for as long as the limit.
 *
 * A worker that was only stalled comes back to find its jobs with another. Tasks may run twice. To
 * fail such a job changes nothing any more; but to complete it deletes the row by its id, and then
 * the other's completion does not find the queue that it has to unlock. So a queue whose holder
 * works on none of its jobs is unlocked as well, whether the holder lives or not.
 */
create or replace function app_private.release_dead_jobs(
  p_dead_after interval default '15 seconds'
)
  returns integer
  language plpgsql volatile parallel unsafe
as $$
declare
  v_dead_before timestamptz := now() - p_dead_after;
  v_released integer;
begin
  delete from app_private.worker_heartbeats where worker_heartbeats.beat_at < v_dead_before;

  update graphile_worker._private_jobs as jobs set
    locked_at = null,
    locked_by = null,
    /* What was booked anew meanwhile has no attempt to lose: nothing has failed. */
    last_error = case
      when app_private.job_is_superseded(jobs) then jobs.last_error
      else format('The worker %s died during attempt %s.', jobs.locked_by, jobs.attempts)
    end
  where jobs.id in (
    select dead.id
    from graphile_worker._private_jobs as dead
    where dead.locked_at < v_dead_before
    and not exists (
      select
      from app_private.worker_heartbeats
      where worker_heartbeats.worker_id = dead.locked_by
    )
    for update skip locked
  );
  get diagnostics v_released = row_count;

  update graphile_worker._private_job_queues as queues set
    locked_at = null,
    locked_by = null
  where queues.locked_at < v_dead_before
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.job_queue_id = queues.id
    and jobs.locked_by = queues.locked_by
  );
  return v_released;
end;
$$;
comment on function app_private.release_dead_jobs(interval) is
  'Gives back the jobs and queues of workers that have not said for so long that they live; returns '
  'how many jobs. An attempt that a worker died in counts, so that a job that kills does not for ever.';

revoke all on function
  app_private.beat(text),
  app_private.end_worker(text),
  app_private.release_dead_jobs(interval)
  from public;
grant execute on function
  app_private.beat(text),
  app_private.end_worker(text),
  app_private.release_dead_jobs(interval)
  to app_worker;
--! EndIncluded 05_operations/heartbeats.sql
--! Included 05_operations/failed_jobs.sql
/*
 * What graphile-worker does with a job whose attempts are used up: it keeps the row and never takes
 * it again. Here such a job is seen.
 *
 * A job that was booked anew under its key while it ran is left over in the same shape: its key went
 * to the new one, its attempts were used up so that it isn't tried again. Nothing is lost with it.
 * graphile-worker touches updated_at when it does that, and neither when a job is taken nor when it
 * fails; that is how the two are told apart.
 */
create or replace function app_private.job_is_superseded(p_job graphile_worker._private_jobs)
  returns boolean
  language sql immutable parallel safe
return p_job.key is null
  and p_job.updated_at > p_job.created_at
  and p_job.attempts >= p_job.max_attempts;
comment on function app_private.job_is_superseded(graphile_worker._private_jobs) is
  'Whether another job was booked in its place while it ran.';

create or replace function app_private.job_has_failed(p_job graphile_worker._private_jobs)
  returns boolean
  language sql immutable parallel safe
return p_job.attempts >= p_job.max_attempts
  and p_job.locked_at is null
  and not app_private.job_is_superseded(p_job);
comment on function app_private.job_has_failed(graphile_worker._private_jobs) is
  'Whether a job has failed its last attempt and waits for an operator.';

create or replace function app_private.alarm_of_failed_jobs()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  delete from graphile_worker._private_jobs as jobs
  where app_private.job_is_superseded(jobs)
  and jobs.locked_at is null
  and jobs.updated_at < now() - interval '1 day';

  perform app_private.raise_alarm(
    'job_failed',
    failed.task,
    format('%s job(s) of %s failed for good. Run: npm run jobs -- list', failed.count, failed.task),
    jsonb_build_object('count', failed.count, 'newest', failed.newest)
  )
  from (
    select tasks.identifier as task, count(*) as count, max(jobs.id) as newest
    from graphile_worker._private_jobs as jobs
    join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
    where app_private.job_has_failed(jobs)
    group by tasks.identifier
  ) as failed
  where not exists (
    select
    from app_private.alarms
    where alarms.kind = 'job_failed'
    and alarms.subject = failed.task
    and alarms.resolved_at is null
    and (alarms.details ->> 'newest')::bigint >= failed.newest
    and (alarms.details ->> 'count')::bigint >= failed.count
  );

  perform app_private.resolve_alarm('job_failed', alarms.subject)
  from app_private.alarms
  where alarms.kind = 'job_failed'
  and alarms.resolved_at is null
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
    where tasks.identifier = alarms.subject
    and app_private.job_has_failed(jobs)
  );
end;
$$;
comment on function app_private.alarm_of_failed_jobs() is
  'Keeps one alarm open for each task that has jobs which failed for good, and none for others; '
  'clears away what was superseded a day ago.';

create or replace function app_private.tend_queue(p_worker_id text)
  returns integer
  language plpgsql volatile parallel unsafe
as $$
declare
  v_released integer;
begin
  /* Once in a while is enough, however many workers there are. */
  if exists (
    select
    from app_private.worker_heartbeats
    where worker_heartbeats.tended_at > now() - interval '2 seconds'
  ) or not pg_try_advisory_xact_lock(hashtextextended('app_private.tend_queue', 0)) then
    return 0;
  end if;
  update app_private.worker_heartbeats set tended_at = now()
  where worker_heartbeats.worker_id = p_worker_id;
  v_released := app_private.release_dead_jobs();
  perform app_private.alarm_of_failed_jobs();
  return v_released;
end;
$$;
comment on function app_private.tend_queue(text) is
  'What every worker asks for every few seconds: release what the dead hold, tell of what failed. '
  'Returns how many jobs were released.';

revoke all on function
  app_private.job_is_superseded(graphile_worker._private_jobs),
  app_private.job_has_failed(graphile_worker._private_jobs),
  app_private.alarm_of_failed_jobs(),
  app_private.tend_queue(text)
  from public;
grant execute on function
  app_private.job_is_superseded(graphile_worker._private_jobs),
  app_private.job_has_failed(graphile_worker._private_jobs),
  app_private.alarm_of_failed_jobs(),
  app_private.tend_queue(text)
  to app_worker;
--! EndIncluded 05_operations/failed_jobs.sql
--! Included 05_operations/stripe_pause.sql
/*
 * A key that Stripe refuses (401), or that lacks a right which a job needs (403), is the operator's to
 * mend. Until then nobody calls Stripe: jobs wait, and use up no attempts.
 */
create table if not exists app_private.stripe_pauses (
  id              uuid        not null default uuidv7(),
  status_code     smallint    not null,
  method          text        not null,
  path            text        not null,
  key_fingerprint text        not null,
  paused_at       timestamptz not null default now(),
  probes          smallint    not null default 0,
  next_probe_at   timestamptz not null,
  resumed_at      timestamptz,
  resumed_by      text,
  constraint stripe_pauses_pkey primary key (id),
  constraint stripe_pauses_status_refusal check (status_code in (401, 403)),
  constraint stripe_pauses_method_known check (method in ('GET', 'POST', 'DELETE')),
  constraint stripe_pauses_path_bounded check (char_length(path) <= 255),
  constraint stripe_pauses_key_bounded check (char_length(key_fingerprint) <= 64),
  constraint stripe_pauses_resumed_by_known
    check (resumed_by in ('a probe', 'an operator', 'a new key'))
);
comment on table app_private.stripe_pauses is
  'When Stripe refused our key, and until when nobody called it therefore.';
comment on column app_private.stripe_pauses.path is
  'What was asked for when it refused; a probe asks for it again.';
comment on column app_private.stripe_pauses.key_fingerprint is
  'Tells one key from another: a hash of it, of which the key can''t be found.';
comment on column app_private.stripe_pauses.resumed_at is 'Null while the pause lasts.';
/* At most one pause at a time, whoever is refused; and the question whether there is one. */
create unique index if not exists stripe_pauses_one_open
  on app_private.stripe_pauses ((true)) where resumed_at is null;

revoke all on app_private.stripe_pauses
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_private.stripe_pauses to app_definer;
grant select, insert, update (probes, next_probe_at, resumed_at, resumed_by)
  on app_private.stripe_pauses to app_worker;

alter table app_private.stripe_pauses enable row level security;
alter table app_private.stripe_pauses force row level security;
drop policy if exists select_system on app_private.stripe_pauses;
create policy select_system on app_private.stripe_pauses
  for select to app_worker, app_definer using (true);
drop policy if exists insert_worker on app_private.stripe_pauses;
create policy insert_worker on app_private.stripe_pauses
  for insert to app_worker with check (true);
drop policy if exists update_worker on app_private.stripe_pauses;
create policy update_worker on app_private.stripe_pauses
  for update to app_worker using (true) with check (true);

create or replace function app_private.stripe_is_paused()
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (select from app_private.stripe_pauses where stripe_pauses.resumed_at is null);
end;
comment on function app_private.stripe_is_paused() is
  'Whether Stripe refuses our key, so that nothing is asked of it at the moment.';

create or replace function app_private.pause_stripe(
  p_status_code integer,
  p_method text,
  p_path text,
  p_key_fingerprint text
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
declare
  v_again integer;
begin
  /* Refused soon after a probe was let through: the next one waits longer. */
  select count(*) into v_again
  from app_private.stripe_pauses
  where stripe_pauses.resumed_by = 'a probe'
  and stripe_pauses.resumed_at > now() - interval '1 hour';

  insert into app_private.stripe_pauses (
    status_code, method, path, key_fingerprint, next_probe_at
  )
  values (
    p_status_code, p_method, left(p_path, 255), p_key_fingerprint,
    now() + interval '10 seconds' * power(2, least(v_again, 6))
  )
  on conflict ((true)) where resumed_at is null do nothing;
  if not found then
    return false;
  end if;
  perform app_private.raise_alarm(
    'stripe_paused',
    'stripe',
    case p_status_code
      when 401 then 'Stripe refuses our key. All work that needs Stripe waits.'
      else 'Our key for Stripe lacks a permission. All work that needs Stripe waits.'
    end,
    jsonb_build_object('status', p_status_code, 'call', p_method || ' ' || left(p_path, 255))
  );
  return true;
end;
$$;
comment on function app_private.pause_stripe(integer, text, text, text) is
  'Stops all calls of all workers to Stripe and raises an alarm; false when they are stopped already.';

create or replace function app_private.resume_stripe(p_by text)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.stripe_pauses set resumed_at = now(), resumed_by = p_by
  where stripe_pauses.resumed_at is null;
  if not found then
    return false;
  end if;
  perform app_private.resolve_alarm('stripe_paused', 'stripe');
  /* What waited for this goes on at once. */
  update graphile_worker._private_jobs as jobs set run_at = now()
  where jobs.locked_at is null
  and jobs.run_at > now()
  and jobs.last_error like 'Stripe work is paused%';
  return true;
end;
$$;
comment on function app_private.resume_stripe(text) is
  'Lets workers call Stripe again. p_by: a probe, an operator, a new key. False when nothing was '
  'paused.';

create or replace function app_private.resume_stripe_with_key(p_key_fingerprint text)
  returns boolean
  language sql volatile parallel unsafe
begin atomic
  select app_private.resume_stripe('a new key')
  from app_private.stripe_pauses
  where stripe_pauses.resumed_at is null
  and stripe_pauses.key_fingerprint <> p_key_fingerprint;
end;
comment on function app_private.resume_stripe_with_key(text) is
  'What a worker calls when it starts: a pause that another key brought about is over.';

create or replace function app_private.claim_stripe_probe()
  returns table (status_code smallint, method text, path text)
  language sql volatile parallel unsafe
begin atomic
  update app_private.stripe_pauses set
    probes = least(stripe_pauses.probes + 1, 1000),
    next_probe_at = now()
      + least(interval '10 seconds' * power(2, least(stripe_pauses.probes + 1, 10)), interval '5 minutes')
  where stripe_pauses.resumed_at is null
  and stripe_pauses.next_probe_at <= now()
  returning stripe_pauses.status_code, stripe_pauses.method, stripe_pauses.path;
end;
comment on function app_private.claim_stripe_probe() is
  'What to ask Stripe in order to see whether it takes our key again; no row when it is not time, or '
  'another worker asks.';

create or replace function app_private.postpone_job(p_job_id bigint, p_seconds integer)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update graphile_worker._private_jobs as jobs set
    attempts = greatest(jobs.attempts - 1, 0),
    run_at = now() + make_interval(secs => p_seconds)
  where jobs.id = p_job_id
  and not app_private.job_is_superseded(jobs);
end;
comment on function app_private.postpone_job(bigint, integer) is
  'For a job that is under way and could not do what it was booked for: the attempt does not count.';

create or replace function app_private.give_up_job(p_job_id bigint)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update graphile_worker._private_jobs as jobs set attempts = jobs.max_attempts
  where jobs.id = p_job_id;
end;
comment on function app_private.give_up_job(bigint) is
  'For a job that is under way and would fail the same way each time: this attempt is its last.';

revoke all on function
  app_private.stripe_is_paused(),
  app_private.pause_stripe(integer, text, text, text),
  app_private.resume_stripe(text),
  app_private.resume_stripe_with_key(text),
  app_private.claim_stripe_probe(),
  app_private.postpone_job(bigint, integer),
  app_private.give_up_job(bigint)
  from public;
grant execute on function app_private.stripe_is_paused() to app_worker, app_definer;
grant execute on function
  app_private.pause_stripe(integer, text, text, text),
  app_private.resume_stripe(text),
  app_private.resume_stripe_with_key(text),
  app_private.claim_stripe_probe(),
  app_private.postpone_job(bigint, integer),
  app_private.give_up_job(bigint)
  to app_worker;
--! EndIncluded 05_operations/stripe_pause.sql
--! Included 05_operations/stripe_budget.sql
/*
 * How many calls to Stripe all workers together make. Stripe counts calls a second: 100 of an account
 * in live mode, 25 in a sandbox, 25 for one endpoint; and 200 changes of a subscription's quantity an
 * hour. Time is cut into slots; a call books a place in the first slot that has room for it, and is
 * made when that slot comes. No second touches more than six slots of 200 ms, no hour more than
 * eleven of six minutes: so many places as all of them have are within the limit.
 *
 * Unlogged: a booking costs no disk flush, and after a crash nobody misses it.
 */
create unlogged table if not exists app_private.stripe_call_slots (
  scope     text        not null,
  starts_at timestamptz not null,
  ends_at   timestamptz not null,
  taken     integer     not null,
  constraint stripe_call_slots_pkey primary key (scope, starts_at),
  constraint stripe_call_slots_scope_bounded check (char_length(scope) <= 255)
);
comment on table app_private.stripe_call_slots is
  'How many calls to Stripe are booked for each bit of time.';
comment on column app_private.stripe_call_slots.scope is
  'What the calls have in common: the account, an endpoint, a subscription''s quantity.';
/* Serves the removal of slots that are over. */
create index if not exists stripe_call_slots_ends_idx on app_private.stripe_call_slots (ends_at);

create table if not exists app_private.stripe_slowdowns (
  scope         text        not null,
  level         smallint    not null,
  slowed_at     timestamptz not null,
  blocked_until timestamptz not null,
  constraint stripe_slowdowns_pkey primary key (scope),
  constraint stripe_slowdowns_scope_bounded check (char_length(scope) <= 255)
);
comment on table app_private.stripe_slowdowns is
  'Where Stripe answered "too many requests": others may use the same account.';
comment on column app_private.stripe_slowdowns.level is
  'How often the places of a slot were halved at slowed_at; one less for each ten seconds since.';

revoke all on app_private.stripe_call_slots, app_private.stripe_slowdowns
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, delete, update (taken) on app_private.stripe_call_slots to app_worker;
grant select, insert, update (level, slowed_at, blocked_until)
  on app_private.stripe_slowdowns to app_worker;

alter table app_private.stripe_call_slots enable row level security;
alter table app_private.stripe_call_slots force row level security;
drop policy if exists all_worker on app_private.stripe_call_slots;
create policy all_worker on app_private.stripe_call_slots
  for all to app_worker using (true) with check (true);
alter table app_private.stripe_slowdowns enable row level security;
alter table app_private.stripe_slowdowns force row level security;
drop policy if exists all_worker on app_private.stripe_slowdowns;
create policy all_worker on app_private.stripe_slowdowns
  for all to app_worker using (true) with check (true);

create or replace function app_private.stripe_slowdown_level(
  p_slowdown app_private.stripe_slowdowns,
  p_now timestamptz
)
  returns integer
  language sql immutable parallel safe
return greatest(
  p_slowdown.level - floor(extract(epoch from p_now - p_slowdown.slowed_at) / 10)::integer,
  0
);
comment on function app_private.stripe_slowdown_level(
  app_private.stripe_slowdowns, timestamptz
) is
  'How often a scope''s places are halved now.';

create or replace function app_private.ask_stripe_call(
  p_endpoint text,
  p_calls_per_second integer,
  p_quantity_of text default null,
  p_max_wait_ms integer default 10000
)
  returns table (verdict text, wait_ms integer)
  language plpgsql volatile parallel unsafe
as $$
declare
  v_slot constant interval := '200 milliseconds';
  v_hour_slot constant interval := '6 minutes';
  v_scopes text[] := array['account', 'endpoint:' || left(p_endpoint, 240)];
  /* A quarter of a large account's calls may go to one endpoint, as Stripe has it in live mode. */
  v_places integer[] := array[p_calls_per_second / 6, greatest(p_calls_per_second / 4, 25) / 6];
  v_quantity text := 'quantity:' || left(p_quantity_of, 240);
  v_now timestamptz;
  v_hour_starts timestamptz;
  v_starts timestamptz;
begin
  if app_private.stripe_is_paused() then
    return query select 'paused', 0;
    return;
  end if;
  /* Held for this statement alone; the clock is read when it is ours. */
  perform pg_advisory_xact_lock(hashtextextended('app_private.stripe_call_slots', 0));
  v_now := clock_timestamp();

  v_hour_starts := date_bin(v_hour_slot, v_now, 'epoch');
  if exists (
    select
    from app_private.stripe_call_slots as slots
    where slots.scope = v_quantity
    and slots.starts_at = v_hour_starts
    and slots.taken >= 200 / 11
  ) then
    return query
      select 'busy', ceil(extract(epoch from v_hour_starts + v_hour_slot - v_now) * 1000)::integer;
    return;
  end if;

  /* The first slot that has a place in each scope; mostly it is the one of now. */
  v_starts := date_bin(v_slot, v_now, 'epoch');
  while exists (
    select
    from unnest(v_scopes, v_places) as asked (scope, places)
    left join app_private.stripe_slowdowns as slowdowns on slowdowns.scope = asked.scope
    left join app_private.stripe_call_slots as slots
      on slots.scope = asked.scope and slots.starts_at = v_starts
    where v_starts + v_slot <= slowdowns.blocked_until
    or slots.taken >= greatest(
      1,
      asked.places >> coalesce(app_private.stripe_slowdown_level(slowdowns, v_now), 0)
    )
  ) loop
    v_starts := v_starts + v_slot;
    if v_starts > v_now + make_interval(secs => p_max_wait_ms / 1000.0) then
      return query select 'busy', p_max_wait_ms;
      return;
    end if;
  end loop;

  insert into app_private.stripe_call_slots as slots (scope, starts_at, ends_at, taken)
  select scope, v_starts, v_starts + v_slot, 1 from unnest(v_scopes) as scope
  union all
  select v_quantity, v_hour_starts, v_hour_starts + v_hour_slot, 1 where p_quantity_of is not null
  on conflict (scope, starts_at) do update set taken = slots.taken + 1;
  return query
    select 'go', greatest(ceil(extract(epoch from v_starts - v_now) * 1000)::integer, 0);
end;
$$;
comment on function app_private.ask_stripe_call(text, integer, text, integer) is
  'Books a call to Stripe. go: make it after wait_ms. busy: nothing is free for as long as one may '
  'wait; try again after wait_ms. paused: see stripe_is_paused.';

create or replace function app_private.slow_stripe_down(
  p_endpoint text,
  p_whole_account boolean,
  p_seconds double precision
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.stripe_slowdowns as slowdowns (scope, level, slowed_at, blocked_until)
  values (
    case when p_whole_account then 'account' else 'endpoint:' || left(p_endpoint, 240) end,
    1,
    now(),
    now() + make_interval(secs => least(p_seconds, 300))
  )
  on conflict (scope) do update set
    blocked_until = greatest(slowdowns.blocked_until, excluded.blocked_until),
    /* Several answers at once are one sign. */
    level = case when slowdowns.slowed_at > now() - interval '1 second'
      then slowdowns.level
      else least(app_private.stripe_slowdown_level(slowdowns, now()) + 1, 4)
    end,
    slowed_at = case when slowdowns.slowed_at > now() - interval '1 second'
      then slowdowns.slowed_at
      else now()
    end;
end;
comment on function app_private.slow_stripe_down(text, boolean, double precision) is
  'Notes that Stripe answered "too many requests": no call for so many seconds, then half as many as '
  'before, and one step more for each ten seconds without such an answer.';

create or replace function app_private.forget_stripe_calls()
  returns void
  language sql volatile parallel unsafe
begin atomic
  delete from app_private.stripe_call_slots where stripe_call_slots.ends_at < now();
end;
comment on function app_private.forget_stripe_calls() is 'Removes slots that are over.';

revoke all on function
  app_private.stripe_slowdown_level(app_private.stripe_slowdowns, timestamptz),
  app_private.ask_stripe_call(text, integer, text, integer),
  app_private.slow_stripe_down(text, boolean, double precision),
  app_private.forget_stripe_calls()
  from public;
grant execute on function
  app_private.stripe_slowdown_level(app_private.stripe_slowdowns, timestamptz),
  app_private.ask_stripe_call(text, integer, text, integer),
  app_private.slow_stripe_down(text, boolean, double precision),
  app_private.forget_stripe_calls()
  to app_worker;
--! EndIncluded 05_operations/stripe_budget.sql
--! Included 05_operations/operator.sql
/*
 * What an operator asks and does, by `npm run jobs`, `npm run alarms`, or by hand with the deploy
 * job's login (rowhouse_migrator). Granted to nobody: no process calls these.
 */

/* A payload's ids say what it is about; anything else may be a link with a token, or a person's. */
create or replace function app_private.shown_payload(p_payload json)
  returns jsonb
  language sql stable parallel safe
begin atomic
  select case
    when json_typeof(p_payload) <> 'object' then '"(hidden)"'::jsonb
    else coalesce(
      (
        select jsonb_object_agg(
          fields.key,
          case
            when fields.key ~ '^(id|kind|[a-z_]+_ids?)$' and char_length(fields.value) <= 64
              then to_jsonb(fields.value)
            else '"(hidden)"'::jsonb
          end
        )
        from json_each_text(p_payload) as fields
      ),
      '{}'
    )
  end;
end;
comment on function app_private.shown_payload(json) is
  'A job''s payload as it may be shown: its ids, and the names of the rest.';

/* Errors quote what they are about: addresses of pages and of people, keys. */
create or replace function app_private.shown_error(p_error text)
  returns text
  language sql immutable parallel safe
return left(
  regexp_replace(
    regexp_replace(
      p_error,
      '(https?|smtps?|postgres(ql)?)://\S+|\S+@\S+',
      '(hidden)',
      'g'
    ),
    '(sk|rk|pk|whsec|pi|seti)_\S*(test|live|secret|whsec)\S*|whsec_\S+',
    '(hidden)',
    'g'
  ),
  500
);
comment on function app_private.shown_error(text) is
  'An error''s message without addresses, keys and secrets.';

create or replace function app_private.list_jobs(
  p_state text default null,
  p_task text default null,
  p_limit integer default 100
)
  returns table (
    id bigint,
    task text,
    state text,
    attempts smallint,
    max_attempts smallint,
    key text,
    queue text,
    payload jsonb,
    created_at timestamptz,
    run_at timestamptz,
    locked_at timestamptz,
    locked_by text,
    last_error text
  )
  language sql stable parallel safe
begin atomic
  select
    jobs.id,
    tasks.identifier,
    states.state,
    jobs.attempts,
    jobs.max_attempts,
    jobs.key,
    queues.queue_name,
    app_private.shown_payload(jobs.payload),
    jobs.created_at,
    jobs.run_at,
    jobs.locked_at,
    jobs.locked_by,
    app_private.shown_error(jobs.last_error)
  from graphile_worker._private_jobs as jobs
  join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
  left join graphile_worker._private_job_queues as queues on queues.id = jobs.job_queue_id
  cross join lateral (
    select case
      when app_private.job_is_superseded(jobs) then 'superseded'
      when app_private.job_has_failed(jobs) then 'failed'
      when jobs.locked_at < now() - interval '10 minutes'
        or jobs.locked_at is null and jobs.run_at < now() - interval '10 minutes' then 'stuck'
      when jobs.locked_at is not null then 'running'
      when jobs.last_error like 'Stripe work is paused%' then 'paused'
      when jobs.last_error is not null then 'retrying'
      else 'waiting'
    end
  ) as states (state)
  where (p_state is null or states.state = p_state)
  and (p_task is null or tasks.identifier = p_task)
  order by array_position(
    array['failed', 'stuck', 'paused', 'retrying', 'running', 'waiting', 'superseded'], states.state
  ), jobs.id
  limit p_limit;
end;
comment on function app_private.list_jobs(text, text, integer) is
  'The queue as an operator reads it, what needs one first. States: failed (for good), stuck (due or '
  'running for ten minutes), paused (waits for Stripe), retrying, running, waiting, superseded '
  '(another was booked in its place).';

create or replace function app_private.retry_job(p_id bigint)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_job graphile_worker._private_jobs;
begin
  select jobs.* into v_job
  from graphile_worker._private_jobs as jobs
  where jobs.id = p_id
  for update;
  if not found then
    return 'unknown';
  elsif v_job.locked_at is not null then
    return 'running';
  elsif app_private.job_is_superseded(v_job) then
    return 'superseded';
  end if;
  /* updated_at stays as it is: see job_is_superseded. */
  update graphile_worker._private_jobs as jobs set attempts = 0, run_at = now()
  where jobs.id = p_id;
  return 'retried';
end;
$$;
comment on function app_private.retry_job(bigint) is
  'Lets a job run at once, with all its attempts anew. Returns retried, running (under way: left '
  'alone), superseded (another was booked in its place) or unknown.';

create or replace function app_private.dismiss_job(p_id bigint)
  returns text
  language plpgsql volatile parallel unsafe
as $$
begin
  delete from graphile_worker._private_jobs as jobs
  where jobs.id = p_id
  and jobs.locked_at is null;
  if found then
    return 'dismissed';
  end if;
  return case
    when exists (select from graphile_worker._private_jobs as jobs where jobs.id = p_id)
      then 'running'
    else 'unknown'
  end;
end;
$$;
comment on function app_private.dismiss_job(bigint) is
  'Removes a job for good. Returns dismissed, running (under way: left alone) or unknown.';

create or replace function app_private.dismiss_alarm(p_id uuid)
  returns text
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.alarms set resolved_at = now()
  where alarms.id = p_id
  and alarms.resolved_at is null;
  if found then
    return 'resolved';
  end if;
  return case
    when exists (select from app_private.alarms where alarms.id = p_id) then 'resolved before'
    else 'unknown'
  end;
end;
$$;
comment on function app_private.dismiss_alarm(uuid) is
  'Closes an alarm. Returns resolved, resolved before or unknown. What is still wrong is raised anew.';

revoke all on function
  app_private.shown_payload(json),
  app_private.shown_error(text),
  app_private.list_jobs(text, text, integer),
  app_private.retry_job(bigint),
  app_private.dismiss_job(bigint),
  app_private.dismiss_alarm(uuid)
  from public;
--! EndIncluded 05_operations/operator.sql

--! Included 10_identity/tables.sql
/*
 * auth.*: better-auth 1.7's core tables and its jwt plugin's, with our names and types. Its
 * documentation of the core schema says what each column holds; server/auth/identity.ts maps the
 * names. Nothing but the identity provider reads or writes them.
 */
create table if not exists auth.users (
  id             uuid        not null default uuidv7(),
  email          text        not null,
  email_verified boolean     not null default false,
  name           text        not null,
  image          text,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint auth_users_pkey primary key (id),
  constraint auth_users_email_key unique (email),
  constraint auth_users_email_bounded check (char_length(email) between 3 and 320),
  constraint auth_users_name_bounded check (char_length(name) between 1 and 200),
  constraint auth_users_image_bounded check (char_length(image) <= 2048)
);
comment on table auth.users is 'People who can sign in here.';

create table if not exists auth.sessions (
  id         uuid        not null default uuidv7(),
  user_id    uuid        not null,
  token      text        not null,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint auth_sessions_pkey primary key (id),
  constraint auth_sessions_token_key unique (token),
  constraint auth_sessions_user_fkey
    foreign key (user_id) references auth.users (id) on delete cascade
);
comment on table auth.sessions is 'Sign-ins that are still good; the token is the cookie''s value.';
create index if not exists auth_sessions_user_idx on auth.sessions (user_id);

create table if not exists auth.accounts (
  id                       uuid        not null default uuidv7(),
  user_id                  uuid        not null,
  provider_id              text        not null,
  account_id               text        not null,
  password                 text,
  access_token             text,
  access_token_expires_at  timestamptz,
  refresh_token            text,
  refresh_token_expires_at timestamptz,
  id_token                 text,
  scope                    text,
  created_at               timestamptz not null default now(),
  updated_at               timestamptz not null default now(),
  constraint auth_accounts_pkey primary key (id),
  constraint auth_accounts_provider_account_key unique (provider_id, account_id),
  constraint auth_accounts_user_fkey
    foreign key (user_id) references auth.users (id) on delete cascade
);
comment on table auth.accounts is 'Ways to sign in: one row for a password, one for each provider.';
comment on column auth.accounts.password is 'A salted scrypt hash; null for other providers.';
create index if not exists auth_accounts_user_idx on auth.accounts (user_id);

create table if not exists auth.verifications (
  id         uuid        not null default uuidv7(),
  identifier text        not null,
  value      text        not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint auth_verifications_pkey primary key (id)
);
comment on table auth.verifications is 'Short-lived proofs: e-mail verification, password reset.';
create index if not exists auth_verifications_identifier_idx on auth.verifications (identifier);

create table if not exists auth.jwks (
  id          uuid        not null default uuidv7(),
  public_key  text        not null,
  private_key text        not null,
  alg         text,
  crv         text,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz,
  constraint auth_jwks_pkey primary key (id)
);
comment on table auth.jwks is 'Keys that sign access tokens.';
comment on column auth.jwks.private_key is 'Encrypted with AUTH_SECRET.';

create table if not exists auth.external_identities (
  issuer     text        not null,
  subject    text        not null,
  user_id    uuid        not null default uuidv7(),
  created_at timestamptz not null default now(),
  constraint auth_external_identities_pkey primary key (issuer, subject),
  constraint auth_external_identities_user_key unique (user_id),
  constraint auth_external_identities_issuer_bounded check (char_length(issuer) <= 2048),
  constraint auth_external_identities_subject_bounded check (char_length(subject) <= 255)
);
comment on table auth.external_identities is
  'People of external identity providers (AUTH_JWKS_URL), by what their tokens call them.';
comment on column auth.external_identities.user_id is
  'The person in app_public.users. Never found by e-mail: addresses change hands.';

create table if not exists app_public.users (
  id                uuid        not null,
  email             text        not null,
  name              text        not null,
  created_at        timestamptz not null default now(),
  is_email_verified boolean     not null default false,
  constraint users_pkey primary key (id),
  constraint users_email_bounded check (char_length(email) between 3 and 320),
  constraint users_name_bounded check (char_length(name) between 1 and 200)
);
comment on table app_public.users is
  E'@behavior -insert -update -delete\n'
  'A person, whichever identity provider they sign in with. Each sees only themselves.';
comment on column app_public.users.email is 'As the identity provider knows it.';
comment on column app_public.users.is_email_verified is
  'Whether the identity provider has seen proof that the address is theirs. A changed address is '
  'not verified until there is proof again.';
--! EndIncluded 10_identity/tables.sql
--! Included 10_identity/access.sql
revoke all on auth.users, auth.sessions, auth.accounts, auth.verifications, auth.jwks from public;
grant select, insert, update, delete
  on auth.users, auth.sessions, auth.accounts, auth.verifications, auth.jwks
  to app_identity;

revoke all on auth.external_identities from public;
grant select, insert, update (issuer) on auth.external_identities to app_identity;

revoke all on app_public.users
  from public, app_user, app_anonymous, app_identity, app_definer, app_worker;
grant select on app_public.users to app_user, app_identity, app_definer, app_worker;
/* People change their name where they sign in, not here: only the identity provider writes. */
grant
  insert (id, email, name, is_email_verified),
  update (email, name, is_email_verified)
  on app_public.users to app_identity;
--! EndIncluded 10_identity/access.sql
--! Included 10_identity/policies.sql
alter table auth.users enable row level security;
alter table auth.users force row level security;
drop policy if exists all_identity on auth.users;
create policy all_identity on auth.users
  for all to app_identity using (true) with check (true);

alter table auth.sessions enable row level security;
alter table auth.sessions force row level security;
drop policy if exists all_identity on auth.sessions;
create policy all_identity on auth.sessions
  for all to app_identity using (true) with check (true);

alter table auth.accounts enable row level security;
alter table auth.accounts force row level security;
drop policy if exists all_identity on auth.accounts;
create policy all_identity on auth.accounts
  for all to app_identity using (true) with check (true);

alter table auth.verifications enable row level security;
alter table auth.verifications force row level security;
drop policy if exists all_identity on auth.verifications;
create policy all_identity on auth.verifications
  for all to app_identity using (true) with check (true);

alter table auth.jwks enable row level security;
alter table auth.jwks force row level security;
drop policy if exists all_identity on auth.jwks;
create policy all_identity on auth.jwks
  for all to app_identity using (true) with check (true);

alter table auth.external_identities enable row level security;
alter table auth.external_identities force row level security;
drop policy if exists all_identity on auth.external_identities;
create policy all_identity on auth.external_identities
  for all to app_identity using (true) with check (true);

alter table app_public.users enable row level security;
alter table app_public.users force row level security;
drop policy if exists select_self on app_public.users;
create policy select_self on app_public.users
  for select to app_user using (id = app_private.current_user_id());
/*
 * The trigger on auth.users writes as the identity provider; create_tenant reads the e-mail; the
 * worker sends mails to it.
 */
drop policy if exists select_system on app_public.users;
create policy select_system on app_public.users
  for select to app_identity, app_definer, app_worker using (true);
drop policy if exists insert_identity on app_public.users;
create policy insert_identity on app_public.users
  for insert to app_identity with check (true);
drop policy if exists update_identity on app_public.users;
create policy update_identity on app_public.users
  for update to app_identity using (true) with check (true);
--! EndIncluded 10_identity/policies.sql
--! Included 10_identity/functions.sql
create or replace function app_public.current_user()
  returns app_public.users
  language sql stable parallel safe
begin atomic
  select users.*
  from app_public.users
  where users.id = app_private.current_user_id();
end;
comment on function app_public.current_user() is 'The signed-in person.';
revoke all on function app_public.current_user() from public;
grant execute on function app_public.current_user() to app_user;

create or replace function auth.external_user(
  p_issuer text,
  p_subject text,
  p_email text,
  p_name text,
  p_is_email_verified boolean
)
  returns uuid
  language plpgsql volatile parallel unsafe
as $$
declare
  v_user_id uuid;
begin
  /* The update changes nothing; it makes the row come back, also to whoever lost the race. */
  insert into auth.external_identities (issuer, subject)
  values (p_issuer, p_subject)
  on conflict (issuer, subject) do update set issuer = excluded.issuer
  returning external_identities.user_id into v_user_id;

  insert into app_public.users (id, email, name, is_email_verified)
  values (v_user_id, p_email, p_name, p_is_email_verified)
  on conflict (id) do update set
    email = excluded.email,
    name = excluded.name,
    is_email_verified = excluded.is_email_verified
    where (users.email, users.name, users.is_email_verified)
      is distinct from (excluded.email, excluded.name, excluded.is_email_verified);
  return v_user_id;
end;
$$;
comment on function auth.external_user(text, text, text, text, boolean) is
  'The user that an external provider''s person is here, made at their first visit; e-mail, whether '
  'it is verified, and name follow the provider.';
revoke all on function auth.external_user(text, text, text, text, boolean) from public;
grant execute on function auth.external_user(text, text, text, text, boolean) to app_identity;

/*
 * security definer: the identity provider may book its two kinds of mail and nothing else in the
 * queue. The job holds the link, since only the provider knows it: whoever reads the queue could
 * follow it, and the queue is closed to all but the worker. The link is good for an hour; so the
 * job gives up after half an hour of failing, and is gone as soon as the mail is sent. A newer mail
 * of the kind takes the place of one that still waits.
 */
create or replace function app_private.enqueue_identity_mail(
  p_kind text,
  p_user_id uuid,
  p_url text
)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    p_kind in ('verify_email', 'reset_password')
    and p_user_id is not null
    and char_length(p_url) between 1 and 4096
  ) is not true then
    raise exception 'There is no such mail, or its link is too long'
      using errcode = 'INPUT';
  end if;
  perform graphile_worker.add_job(
    'send_identity_mail',
    json_build_object('kind', p_kind, 'user_id', p_user_id, 'url', p_url),
    job_key => 'identity_mail:' || p_kind || ':' || p_user_id,
    max_attempts => 8
  );
end;
$$;
comment on function app_private.enqueue_identity_mail(text, uuid, text) is
  'Books the mail with which a person proves their address (verify_email) or sets a new password '
  '(reset_password), with the link that it is about.';
alter function app_private.enqueue_identity_mail(text, uuid, text) owner to app_definer;
revoke all on function app_private.enqueue_identity_mail(text, uuid, text) from public;
grant execute on function app_private.enqueue_identity_mail(text, uuid, text) to app_identity;
--! EndIncluded 10_identity/functions.sql
--! Included 10_identity/triggers.sql
create or replace function app_private.tg_auth_users__mirror()
  returns trigger
  language plpgsql volatile
as $$
begin
  insert into app_public.users (id, email, name, is_email_verified)
  values (new.id, new.email, new.name, new.email_verified)
  on conflict (id) do update set
    email = excluded.email,
    name = excluded.name,
    is_email_verified = excluded.is_email_verified;
  return null;
end;
$$;
comment on function app_private.tg_auth_users__mirror() is
  'Keeps app_public.users in step with the people who sign in here.';
revoke all on function app_private.tg_auth_users__mirror() from public;
grant execute on function app_private.tg_auth_users__mirror() to app_identity;

create or replace trigger _100_mirror
  after insert or update of email, name, email_verified on auth.users
  for each row execute function app_private.tg_auth_users__mirror();

/*
 * Whatever changes an address, also a plugin of better-auth that is added one day, must not carry
 * the old address's proof over to the new one: an invitation is accepted on the strength of it.
 */
create or replace function app_private.tg_auth_users__unverify()
  returns trigger
  language plpgsql volatile
as $$
begin
  new.email_verified := false;
  return new;
end;
$$;
comment on function app_private.tg_auth_users__unverify() is
  'A changed address is not verified, whatever the old one was.';
revoke all on function app_private.tg_auth_users__unverify() from public;
grant execute on function app_private.tg_auth_users__unverify() to app_identity;

create or replace trigger _050_unverify
  before update on auth.users
  for each row when (new.email is distinct from old.email)
  execute function app_private.tg_auth_users__unverify();
--! EndIncluded 10_identity/triggers.sql

--! Included 20_plans/tables.sql
create table if not exists app_public.plans (
  key         text     not null,
  name        text     not null,
  description text     not null default '',
  position    smallint not null,
  constraint plans_pkey primary key (key),
  constraint plans_key_format check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  constraint plans_name_bounded check (char_length(name) between 1 and 100),
  constraint plans_description_bounded check (char_length(description) <= 1000)
);
comment on table app_public.plans is 'What a tenant can subscribe to. Anyone may read it.';
comment on column app_public.plans.position is 'Order on a pricing page, smallest first.';

create table if not exists app_public.features (
  key         text not null,
  name        text not null,
  kind        text not null,
  meter_event text,
  constraint features_pkey primary key (key),
  constraint features_key_format check (key ~ '^[a-z][a-zA-Z0-9]{0,39}$'),
  constraint features_name_bounded check (char_length(name) between 1 and 100),
  constraint features_kind_known check (kind in ('boolean', 'count', 'metered')),
  constraint features_meter_event_metered check (meter_event is null or kind = 'metered'),
  constraint features_meter_event_bounded check (char_length(meter_event) between 1 and 100)
);
comment on table app_public.features is 'What a plan may contain. Anyone may read it.';
comment on column app_public.features.kind is
  'boolean: on or off. count: how many may exist at once. metered: how many may be used in one '
  'billing period.';
comment on column app_public.features.meter_event is
  E'@behavior -*\n'
  'The event_name of the meter at Stripe that is told of each use, to charge by it; null means that '
  'Stripe is told nothing.';

create table if not exists app_public.plan_features (
  plan_key    text    not null,
  feature_key text    not null,
  is_enabled  boolean not null default true,
  quota       bigint,
  constraint plan_features_pkey primary key (plan_key, feature_key),
  constraint plan_features_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_features_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint plan_features_quota_not_negative check (quota >= 0)
);
comment on table app_public.plan_features is
  'What each plan grants. A feature without a row here is not in the plan.';
comment on column app_public.plan_features.quota is
  'The most a tenant may have, or use in one billing period; null means no limit.';
comment on constraint plan_features_plan_fkey on app_public.plan_features is
  E'@fieldName plan\n@foreignFieldName features';
comment on constraint plan_features_feature_fkey on app_public.plan_features is
  E'@fieldName feature\n@foreignFieldName plans';
/* Serves: which plans have this feature (and the foreign key). */
create index if not exists plan_features_feature_idx on app_public.plan_features (feature_key);

create table if not exists app_public.plan_prices (
  plan_key            text        not null,
  "interval"          text        not null,
  currency            text        not null,
  amount_minor        integer,
  lookup_key          text        not null
    generated always as (plan_key || '_' || "interval") stored,
  is_billed_by_seat   boolean     not null default false,
  is_active           boolean     not null default true,
  unit_amount_decimal text,
  product_name        text,
  stripe_price_id     text,
  sync_seq            bigint      not null default 0,
  synced_at           timestamptz,
  constraint plan_prices_pkey primary key (plan_key, "interval"),
  constraint plan_prices_lookup_key_key unique (lookup_key),
  constraint plan_prices_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_prices_interval_known check ("interval" in ('month', 'year')),
  constraint plan_prices_currency_format check (currency ~ '^[a-z]{3}$'),
  constraint plan_prices_amount_not_negative check (amount_minor >= 0),
  constraint plan_prices_unit_amount_decimal_bounded
    check (char_length(unit_amount_decimal) <= 50),
  constraint plan_prices_product_name_bounded check (char_length(product_name) <= 1000),
  constraint plan_prices_stripe_price_bounded check (char_length(stripe_price_id) <= 255)
);
comment on table app_public.plan_prices is
  'What each plan costs: as it is to be created at Stripe, and once it is there, as Stripe has it '
  '(catalog.sql writes it). Anyone may read it.';
comment on column app_public.plan_prices.interval is 'How often it is charged, in Stripe''s words.';
comment on column app_public.plan_prices.currency is 'ISO 4217, in lower case as Stripe writes it.';
comment on column app_public.plan_prices.amount_minor is
  'In the currency''s smallest unit: 4900 is 49.00 USD. Null when Stripe has no such number: see '
  'unit_amount_decimal.';
comment on column app_public.plan_prices.lookup_key is 'The price''s lookup_key at Stripe.';
comment on column app_public.plan_prices.is_billed_by_seat is
  'Whether it is charged once for each member of the tenant. The founder''s to say, in the seed.';
comment on column app_public.plan_prices.is_active is
  'Whether it can be bought now. Whoever has bought it keeps it.';
comment on column app_public.plan_prices.unit_amount_decimal is
  'Like amount_minor, exact also where it has fractions; null before Stripe has told, and for a price '
  'in tiers.';
comment on column app_public.plan_prices.product_name is
  'What Stripe calls its product on invoices; null before Stripe has told.';
comment on column app_public.plan_prices.stripe_price_id is
  'The price that is sold now; null before Stripe has told, or when it has none.';
comment on column app_public.plan_prices.sync_seq is
  E'@behavior -*\n'
  'Taken from stripe_sync_seq before the fetch that was written last. Only a higher one may write.';
comment on column app_public.plan_prices.synced_at is
  E'@behavior -*\nWhen Stripe was last asked; null before.';
comment on constraint plan_prices_plan_fkey on app_public.plan_prices is
  E'@fieldName plan\n@foreignFieldName prices';

create table if not exists app_private.stripe_prices (
  id            text        not null,
  lookup_key    text        not null,
  first_seen_at timestamptz not null default now(),
  constraint stripe_prices_pkey primary key (id),
  constraint stripe_prices_lookup_key_fkey
    foreign key (lookup_key) references app_public.plan_prices (lookup_key) on delete cascade,
  constraint stripe_prices_id_bounded check (char_length(id) between 1 and 255)
);
comment on table app_private.stripe_prices is
  'Every price of Stripe''s that was ever one of ours. A lookup key moves to the new price when a '
  'price changes; those who bought the old one still have the plan.';
/* Serves the foreign key. */
create index if not exists stripe_prices_lookup_key_idx on app_private.stripe_prices (lookup_key);
--! EndIncluded 20_plans/tables.sql
--! Included 20_plans/access.sql
revoke all
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Read by everyone; written by migrations, and the prices by what Stripe says of them. */
grant select
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  to app_user, app_anonymous, app_worker, app_definer;
grant
  update (
    currency, amount_minor, is_active, unit_amount_decimal, product_name, stripe_price_id,
    sync_seq, synced_at
  )
  on app_public.plan_prices to app_worker;

revoke all on app_private.stripe_prices
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert (id, lookup_key), update (lookup_key) on app_private.stripe_prices to app_worker;
--! EndIncluded 20_plans/access.sql
--! Included 20_plans/policies.sql
alter table app_public.plans enable row level security;
alter table app_public.plans force row level security;
drop policy if exists select_everyone on app_public.plans;
create policy select_everyone on app_public.plans
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.features enable row level security;
alter table app_public.features force row level security;
drop policy if exists select_everyone on app_public.features;
create policy select_everyone on app_public.features
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.plan_features enable row level security;
alter table app_public.plan_features force row level security;
drop policy if exists select_everyone on app_public.plan_features;
create policy select_everyone on app_public.plan_features
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.plan_prices enable row level security;
alter table app_public.plan_prices force row level security;
drop policy if exists select_everyone on app_public.plan_prices;
create policy select_everyone on app_public.plan_prices
  for select to app_user, app_anonymous, app_worker, app_definer using (true);
drop policy if exists update_worker on app_public.plan_prices;
create policy update_worker on app_public.plan_prices
  for update to app_worker using (true) with check (true);

alter table app_private.stripe_prices enable row level security;
alter table app_private.stripe_prices force row level security;
drop policy if exists all_worker on app_private.stripe_prices;
create policy all_worker on app_private.stripe_prices
  for all to app_worker using (true) with check (true);
--! EndIncluded 20_plans/policies.sql
--! Included 20_plans/catalog.sql
/*
 * The only writer of what Stripe says of a price. Numbered before the fetch, like the copy of a
 * customer (50_billing/sync.sql): whoever asked later wins, whatever order they come back in.
 */
create or replace function app_private.record_stripe_prices(p_sync_seq bigint, p_prices jsonb)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_price record;
begin
  for v_price in
    with written as (
      update app_public.plan_prices set
        /* Of a price that is not there, what we know is all there is to show. */
        currency = coalesce(truth.currency, plan_prices.currency),
        amount_minor = case
          when truth.id is null then plan_prices.amount_minor
          when truth.unit_amount <= 2147483647 then truth.unit_amount::integer
        end,
        unit_amount_decimal = truth.unit_amount_decimal,
        product_name = left(truth.product_name, 1000),
        is_active = coalesce(truth.is_active, false),
        stripe_price_id = truth.id,
        sync_seq = p_sync_seq,
        synced_at = now()
      from app_public.plan_prices as known
      left join jsonb_to_recordset(p_prices) as truth (
        lookup_key text,
        id text,
        currency text,
        unit_amount bigint,
        unit_amount_decimal text,
        "interval" text,
        interval_count integer,
        product_name text,
        is_active boolean
      ) on truth.lookup_key = known.lookup_key
      where plan_prices.lookup_key = known.lookup_key
      and plan_prices.sync_seq < p_sync_seq
      returning
        plan_prices.lookup_key,
        plan_prices."interval",
        plan_prices.stripe_price_id,
        truth."interval" as stripe_interval,
        truth.interval_count
    ),
    remembered as (
      insert into app_private.stripe_prices (id, lookup_key)
      select written.stripe_price_id, written.lookup_key
      from written
      where written.stripe_price_id is not null
      on conflict (id) do update set lookup_key = excluded.lookup_key
      where stripe_prices.lookup_key <> excluded.lookup_key
    )
    select written.* from written order by written.lookup_key
  loop
    perform app_private.tell_price_alarms(
      v_price.lookup_key,
      v_price.stripe_price_id,
      v_price.interval_count = 1 and v_price.stripe_interval = v_price."interval"
    );
  end loop;
end;
$$;
comment on function app_private.record_stripe_prices(bigint, jsonb) is
  'Replaces our copy of the catalog by what was fetched after p_sync_seq was taken. p_prices: '
  '[{ lookup_key, id, currency, unit_amount, unit_amount_decimal, interval, interval_count, '
  'product_name, is_active }]; a price that is not among them is missing at Stripe.';

create or replace function app_private.tell_price_alarms(
  p_lookup_key text,
  p_price_id text,
  p_is_interval_right boolean
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  if p_price_id is null then
    perform app_private.raise_alarm(
      'missing_price',
      p_lookup_key,
      format(
        'Stripe has no price with lookup key "%s". Create it there, or run: npm run stripe:sync-catalog',
        p_lookup_key
      )
    );
  else
    perform app_private.resolve_alarm('missing_price', p_lookup_key);
  end if;

  if p_price_id is not null and not coalesce(p_is_interval_right, false) then
    perform app_private.raise_alarm(
      'price_mismatch',
      p_lookup_key,
      format('The price %s is not charged by the interval that "%s" says', p_price_id, p_lookup_key)
    );
  else
    perform app_private.resolve_alarm('price_mismatch', p_lookup_key);
  end if;
end;
$$;
comment on function app_private.tell_price_alarms(text, text, boolean) is
  'Raises the alarms about one price of the catalog, or closes them.';

create or replace function app_private.plan_lookup_key(p_price_id text, p_lookup_key text)
  returns text
  language sql stable parallel safe
begin atomic
  select coalesce(
    (
      select plan_prices.lookup_key
      from app_public.plan_prices
      where plan_prices.lookup_key = p_lookup_key
    ),
    (
      select stripe_prices.lookup_key
      from app_private.stripe_prices
      where stripe_prices.id = p_price_id
    )
  );
end;
comment on function app_private.plan_lookup_key(text, text) is
  'Which of our prices a price at Stripe is, by the lookup key it has now, else by the one under '
  'which it was ours before; null when it never was.';

revoke all on function
  app_private.record_stripe_prices(bigint, jsonb),
  app_private.tell_price_alarms(text, text, boolean),
  app_private.plan_lookup_key(text, text)
  from public;
grant execute on function
  app_private.record_stripe_prices(bigint, jsonb),
  app_private.tell_price_alarms(text, text, boolean),
  app_private.plan_lookup_key(text, text)
  to app_worker;
--! EndIncluded 20_plans/catalog.sql
--! Included 20_plans/seed.sql
insert into app_public.plans (key, name, description, position) values
  ('starter',    'Starter',    'For a first project.',          1),
  ('pro',        'Pro',        'For a team that ships.',        2),
  ('enterprise', 'Enterprise', 'For companies without limits.', 3)
on conflict (key) do update set
  name = excluded.name,
  description = excluded.description,
  position = excluded.position;

insert into app_public.features (key, name, kind) values
  ('apiCalls',     'API calls',     'metered'),
  ('seats',        'Seats',         'count'),
  ('customDomain', 'Custom domain', 'boolean')
on conflict (key) do update set
  name = excluded.name,
  kind = excluded.kind;

insert into app_public.plan_features (plan_key, feature_key, is_enabled, quota) values
  ('starter',    'apiCalls',     true,   1000),
  ('starter',    'seats',        true,      3),
  ('starter',    'customDomain', false,  null),
  ('pro',        'apiCalls',     true,  50000),
  ('pro',        'seats',        true,     15),
  ('pro',        'customDomain', true,   null),
  ('enterprise', 'apiCalls',     true,   null),
  ('enterprise', 'seats',        true,   null),
  ('enterprise', 'customDomain', true,   null)
on conflict (plan_key, feature_key) do update set
  is_enabled = excluded.is_enabled,
  quota = excluded.quota;

/* What is to be created at Stripe. What is there already is as it is: see catalog.sql. */
insert into app_public.plan_prices as known (plan_key, "interval", currency, amount_minor) values
  ('starter',    'month', 'usd',   1900),
  ('starter',    'year',  'usd',  19000),
  ('pro',        'month', 'usd',   4900),
  ('pro',        'year',  'usd',  49000),
  ('enterprise', 'month', 'usd',  49900),
  ('enterprise', 'year',  'usd', 499000)
on conflict (plan_key, "interval") do update set
  currency = excluded.currency,
  amount_minor = excluded.amount_minor
where known.stripe_price_id is null;
--! EndIncluded 20_plans/seed.sql

--! Included 30_tenancy/tables.sql
create table if not exists app_public.tenants (
  id                   uuid        not null default uuidv7(),
  name                 text        not null,
  plan                 text        not null,
  status               text        not null default 'provisioning',
  access               text        not null default 'none',
  access_reason        text        not null default 'provisioning',
  current_period_start timestamptz,
  current_period_end   timestamptz,
  cancel_at            timestamptz,
  grace_ends_at        timestamptz,
  created_at           timestamptz not null default now(),
  trial_ends_at        timestamptz,
  access_until         timestamptz,
  closed_at            timestamptz,
  constraint tenants_pkey primary key (id),
  constraint tenants_plan_fkey foreign key (plan) references app_public.plans (key),
  constraint tenants_name_bounded check (char_length(name) between 1 and 100),
  constraint tenants_name_printable check (
    name = btrim(name) and name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  ),
  constraint tenants_status_known check (
    status in (
      'provisioning', 'incomplete', 'trialing', 'active', 'past_due', 'suspended', 'closed'
    )
  ),
  constraint tenants_access_known check (access in ('full', 'read_only', 'none')),
  constraint tenants_access_reason_bounded check (char_length(access_reason) <= 100)
);
comment on table app_public.tenants is
  E'@behavior -query:resource:list -query:resource:connection\n'
  'A customer''s organisation: what its people share, pay for, and are walled off by. Status, '
  'access and the dates are what Stripe last said (50_billing/sync.sql writes them).';
comment on column app_public.tenants.plan is 'The plan subscribed to, or asked for until it is paid.';
comment on column app_public.tenants.status is
  'provisioning: Stripe has not answered yet. incomplete: the first payment is due. trialing, '
  'active. past_due: a payment failed, the grace period runs. suspended: nothing is paid. closed.';
comment on column app_public.tenants.access is
  'What the tenant''s people may do with its rows: full, read_only or none.';
comment on column app_public.tenants.access_reason is
  'Why access is what it is, for a message: provisioning, awaiting_payment, payment_expired, trial, '
  'paid, collection_paused, payment_failed, grace_ended, unpaid, paused, canceled, payment_disputed, '
  'unknown_status.';
comment on column app_public.tenants.current_period_end is
  'When the paid period ends and the next invoice comes; null before the first.';
comment on column app_public.tenants.cancel_at is
  'When the subscription will end by itself; null when no cancellation is scheduled.';
comment on column app_public.tenants.grace_ends_at is
  'Until when a tenant whose payment failed keeps its access, or kept it; null when nothing is '
  'overdue.';
comment on column app_public.tenants.trial_ends_at is
  'When the trial ends and the first payment is due; null when it is not on trial.';
comment on column app_public.tenants.access_until is
  'Until when the access is sure to last, by what is known now: the end of the grace period or the '
  'scheduled cancellation. Null when nothing ends it.';
comment on column app_public.tenants.closed_at is
  E'@behavior -*\n'
  'Since when it is closed; null while it is not.';
comment on constraint tenants_plan_fkey on app_public.tenants is
  E'@fieldName planDetails\n@backwardBehavior -*';
/* Serves the foreign key: whether a plan still has tenants. */
create index if not exists tenants_plan_idx on app_public.tenants (plan, id);

create table if not exists app_public.roles (
  key      text     not null,
  name     text     not null,
  position smallint not null,
  constraint roles_pkey primary key (key),
  constraint roles_key_format check (key ~ '^[a-z][a-z_]{0,39}$'),
  constraint roles_name_bounded check (char_length(name) between 1 and 100)
);
comment on table app_public.roles is 'What a member of a tenant can be.';
comment on column app_public.roles.position is 'From most to least powerful, smallest first.';

create table if not exists app_public.role_permissions (
  role_key   text not null,
  permission text not null,
  constraint role_permissions_pkey primary key (role_key, permission),
  constraint role_permissions_role_fkey
    foreign key (role_key) references app_public.roles (key) on delete cascade,
  constraint role_permissions_permission_format check (permission ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$')
);
comment on table app_public.role_permissions is 'What each role may do.';
comment on constraint role_permissions_role_fkey on app_public.role_permissions is
  E'@fieldName role\n@foreignFieldName permissions';

create table if not exists app_public.memberships (
  tenant_id  uuid        not null default app_private.member_tenant_id(),
  user_id    uuid        not null,
  role       text        not null,
  created_at timestamptz not null default now(),
  constraint memberships_pkey primary key (tenant_id, user_id),
  constraint memberships_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint memberships_user_fkey
    foreign key (user_id) references app_public.users (id) on delete restrict,
  constraint memberships_role_fkey foreign key (role) references app_public.roles (key)
);
comment on table app_public.memberships is 'Who belongs to a tenant, and as what.';
/* memberships_user() is the field instead: policies show a person nobody but themselves. */
comment on constraint memberships_user_fkey on app_public.memberships is
  E'@behavior -*';
comment on constraint memberships_role_fkey on app_public.memberships is
  E'@fieldName roleDetails\n@backwardBehavior -*';
/* Serves: the tenants of a person (and the foreign key). */
create index if not exists memberships_user_idx on app_public.memberships (user_id, tenant_id);
/* Serves the foreign key: whether a role is still given to anyone. */
create index if not exists memberships_role_idx on app_public.memberships (role, tenant_id);

create table if not exists app_public.invitations (
  tenant_id   uuid        not null default app_private.writable_tenant_id(),
  id          uuid        not null default uuidv7(),
  email       text        not null,
  role        text        not null,
  status      text        not null default 'open',
  invited_by  uuid        not null default app_private.current_user_id(),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null default now() + interval '7 days',
  sent_at     timestamptz not null default now(),
  sent_count  smallint    not null default 1,
  answered_at timestamptz,
  constraint invitations_pkey primary key (tenant_id, id),
  constraint invitations_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint invitations_role_fkey foreign key (role) references app_public.roles (key),
  constraint invitations_invited_by_fkey
    foreign key (invited_by) references app_public.users (id) on delete cascade,
  constraint invitations_email_bounded check (char_length(email) between 3 and 320),
  constraint invitations_email_format check (
    email = lower(email)
    /* No two addresses, and none in the guise of another: "a,b@x", "a<b@x>". */
    and email ~ '^[^][:space:][:cntrl:]@,;:<>()\\"[]+@[^][:space:][:cntrl:]@,;:<>()\\"[]+$'
  ),
  constraint invitations_status_known
    check (status in ('open', 'accepted', 'declined', 'revoked', 'expired'))
);
comment on table app_public.invitations is
  'Asks somebody, by e-mail, to become a member. For those whose role may invite.';
comment on column app_public.invitations.email is 'In lower case. Only its owner can accept.';
comment on column app_public.invitations.status is
  'open, also after expires_at until somebody invites again; accepted, declined, revoked, expired.';
comment on column app_public.invitations.invited_by is
  'Who must still be allowed to invite when it is accepted; whoever sends it again takes it over.';
comment on column app_public.invitations.sent_at is 'When the last e-mail was asked for.';
comment on column app_public.invitations.sent_count is
  'How often it was sent, counted anew when the last e-mail is a day old.';
comment on column app_public.invitations.answered_at is
  'When it was accepted or declined; null before.';
comment on constraint invitations_tenant_fkey on app_public.invitations is
  E'@fieldName tenant\n@backwardBehavior -*';
comment on constraint invitations_role_fkey on app_public.invitations is
  E'@fieldName roleDetails\n@backwardBehavior -*';
comment on constraint invitations_invited_by_fkey on app_public.invitations is E'@behavior -*';
/* At most one open invitation for an address, whoever races. */
create unique index if not exists invitations_one_open
  on app_public.invitations (tenant_id, email) where status = 'open';
/* Serves: how many were sent of late (invite_member). */
create index if not exists invitations_sent_idx on app_public.invitations (tenant_id, sent_at);
/* Each serves a foreign key. */
create index if not exists invitations_role_idx on app_public.invitations (role, tenant_id);
create index if not exists invitations_invited_by_idx
  on app_public.invitations (invited_by, tenant_id);

create table if not exists app_private.invitation_tokens (
  tenant_id     uuid        not null,
  invitation_id uuid        not null,
  token_hash    bytea       not null,
  created_at    timestamptz not null default now(),
  constraint invitation_tokens_pkey primary key (tenant_id, invitation_id, token_hash),
  constraint invitation_tokens_invitation_fkey
    foreign key (tenant_id, invitation_id)
    references app_public.invitations (tenant_id, id) on delete cascade,
  constraint invitation_tokens_hash_key unique (token_hash),
  constraint invitation_tokens_hash_length check (octet_length(token_hash) = 32)
);
comment on table app_private.invitation_tokens is
  'What opens an invitation, as SHA-256. Several when its e-mail had to be tried again.';

create table if not exists app_public.api_keys (
  tenant_id    uuid        not null default app_private.writable_tenant_id(),
  id           uuid        not null default uuidv7(),
  name         text        not null,
  scopes       text[]      not null,
  hint         text        not null,
  created_by   uuid        not null default app_private.current_user_id(),
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint api_keys_created_by_fkey
    foreign key (created_by) references app_public.users (id) on delete restrict,
  constraint api_keys_name_bounded check (char_length(name) between 1 and 100),
  constraint api_keys_name_printable check (name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'),
  constraint api_keys_scopes_known check (
    scopes <@ array['read', 'write', 'billing'] and cardinality(scopes) between 1 and 3
  ),
  constraint api_keys_hint_bounded check (char_length(hint) <= 20)
);
comment on table app_public.api_keys is
  'Lets a machine act as the tenant, never as a person. For those whose role may manage keys.';
comment on column app_public.api_keys.scopes is
  'read: the tenant''s rows. write: the same, and changes them. billing: what the permission '
  'billing.manage allows.';
comment on column app_public.api_keys.hint is 'How the key begins and ends, to recognise it by.';
comment on column app_public.api_keys.expires_at is 'Null means never.';
comment on column app_public.api_keys.revoked_at is 'Null while the key stands.';
comment on constraint api_keys_tenant_fkey on app_public.api_keys is
  E'@fieldName tenant\n@backwardBehavior -*';
comment on constraint api_keys_created_by_fkey on app_public.api_keys is E'@behavior -*';
/* Serves the foreign key. */
create index if not exists api_keys_created_by_idx on app_public.api_keys (created_by, tenant_id);

create table if not exists app_private.api_key_secrets (
  tenant_id  uuid        not null,
  api_key_id uuid        not null,
  key_hash   bytea       not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint api_key_secrets_pkey primary key (tenant_id, api_key_id, key_hash),
  constraint api_key_secrets_api_key_fkey
    foreign key (tenant_id, api_key_id)
    references app_public.api_keys (tenant_id, id) on delete cascade,
  constraint api_key_secrets_hash_key unique (key_hash),
  constraint api_key_secrets_hash_length check (octet_length(key_hash) = 32)
);
comment on table app_private.api_key_secrets is
  'API keys as SHA-256 (they are random, so a slow hash would add nothing). Two for a key that was '
  'rotated with an overlap.';
comment on column app_private.api_key_secrets.expires_at is
  'When a rotated secret stops; null means with its key.';

create table if not exists app_private.api_key_uses (
  tenant_id    uuid        not null,
  api_key_id   uuid        not null,
  last_used_at timestamptz,
  constraint api_key_uses_pkey primary key (tenant_id, api_key_id),
  constraint api_key_uses_api_key_fkey
    foreign key (tenant_id, api_key_id)
    references app_public.api_keys (tenant_id, id) on delete cascade
);
comment on table app_private.api_key_uses is
  'When a key was last used. Apart from the key itself: a request locks this row until it ends, and '
  'revoking must not wait for whoever is using the key.';
comment on column app_private.api_key_uses.last_used_at is
  'To the minute; null before the first use.';
--! EndIncluded 30_tenancy/tables.sql
--! Included 30_tenancy/access.sql
revoke all on app_public.roles, app_public.role_permissions
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.roles, app_public.role_permissions to app_user, app_definer;

revoke all on app_public.tenants from public, app_user, app_anonymous, app_worker, app_definer;
/* No insert: a tenant is born by create_tenant. No delete: a tenant is closed. */
grant select, update (name) on app_public.tenants to app_user;
/* Changes no name: lock_members needs the right to write the row, as its lock. */
grant select, insert, update (name) on app_public.tenants to app_definer;
grant
  select,
  update (
    plan, status, access, access_reason,
    current_period_start, current_period_end, cancel_at, grace_ends_at,
    trial_ends_at, access_until
  )
  on app_public.tenants to app_worker;

revoke all on app_public.memberships from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody writes memberships but the definer functions: a role is never one's own to choose. */
grant select on app_public.memberships to app_user;
grant select, insert, update (role), delete on app_public.memberships to app_definer;

revoke all on app_public.invitations, app_private.invitation_tokens
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.invitations to app_user;
grant
  select, insert,
  update (status, invited_by, expires_at, sent_at, sent_count, answered_at)
  on app_public.invitations to app_definer;
/* Hashes are for the definer functions alone; the worker adds one by record_invitation_token. */
grant select, insert, delete on app_private.invitation_tokens to app_definer;

revoke all on app_public.api_keys, app_private.api_key_secrets, app_private.api_key_uses
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.api_keys to app_user;
grant select, insert, update (hint, revoked_at) on app_public.api_keys to app_definer;
grant select, insert, update (expires_at), delete on app_private.api_key_secrets to app_definer;
grant select on app_private.api_key_uses to app_user;
grant select, insert, update (last_used_at) on app_private.api_key_uses to app_definer;
--! EndIncluded 30_tenancy/access.sql
--! Included 30_tenancy/policies.sql
alter table app_public.roles enable row level security;
alter table app_public.roles force row level security;
drop policy if exists select_everyone on app_public.roles;
create policy select_everyone on app_public.roles
  for select to app_user, app_definer using (true);

alter table app_public.role_permissions enable row level security;
alter table app_public.role_permissions force row level security;
drop policy if exists select_everyone on app_public.role_permissions;
create policy select_everyone on app_public.role_permissions
  for select to app_user, app_definer using (true);

alter table app_public.tenants enable row level security;
alter table app_public.tenants force row level security;
drop policy if exists select_member on app_public.tenants;
create policy select_member on app_public.tenants
  for select to app_user using (id = app_private.member_tenant_id());
drop policy if exists update_manager on app_public.tenants;
create policy update_manager on app_public.tenants
  for update to app_user
  using      (id = app_private.member_tenant_id() and app_private.has_permission('tenant.manage'))
  with check (id = app_private.member_tenant_id() and app_private.has_permission('tenant.manage'));
/* enter, my_tenants and create_tenant look across tenants; the sync writes what Stripe says. */
drop policy if exists select_system on app_public.tenants;
create policy select_system on app_public.tenants
  for select to app_definer, app_worker using (true);
drop policy if exists insert_definer on app_public.tenants;
create policy insert_definer on app_public.tenants
  for insert to app_definer with check (true);
drop policy if exists update_definer on app_public.tenants;
create policy update_definer on app_public.tenants
  for update to app_definer
  using      (id = app_private.member_tenant_id())
  with check (id = app_private.member_tenant_id());
drop policy if exists update_worker on app_public.tenants;
create policy update_worker on app_public.tenants
  for update to app_worker using (true) with check (true);

alter table app_public.memberships enable row level security;
alter table app_public.memberships force row level security;
drop policy if exists select_member on app_public.memberships;
create policy select_member on app_public.memberships
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('members.read')
  );
/* enter, my_tenants, create_tenant and accept_invitation look across tenants. */
drop policy if exists select_definer on app_public.memberships;
create policy select_definer on app_public.memberships
  for select to app_definer using (true);
drop policy if exists insert_definer on app_public.memberships;
create policy insert_definer on app_public.memberships
  for insert to app_definer with check (true);
drop policy if exists update_definer on app_public.memberships;
create policy update_definer on app_public.memberships
  for update to app_definer
  using      (tenant_id = app_private.member_tenant_id())
  with check (tenant_id = app_private.member_tenant_id());
drop policy if exists delete_definer on app_public.memberships;
create policy delete_definer on app_public.memberships
  for delete to app_definer using (tenant_id = app_private.member_tenant_id());

alter table app_public.invitations enable row level security;
alter table app_public.invitations force row level security;
drop policy if exists select_inviter on app_public.invitations;
create policy select_inviter on app_public.invitations
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('members.invite')
  );
/* Whoever answers an invitation is not in the tenant yet; only its token leads there. */
drop policy if exists all_definer on app_public.invitations;
create policy all_definer on app_public.invitations
  for all to app_definer using (true) with check (true);

alter table app_private.invitation_tokens enable row level security;
alter table app_private.invitation_tokens force row level security;
drop policy if exists all_definer on app_private.invitation_tokens;
create policy all_definer on app_private.invitation_tokens
  for all to app_definer using (true) with check (true);

alter table app_public.api_keys enable row level security;
alter table app_public.api_keys force row level security;
drop policy if exists select_manager on app_public.api_keys;
create policy select_manager on app_public.api_keys
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('api_keys.manage')
  );
/* A key is looked up before its tenant is known. */
drop policy if exists all_definer on app_public.api_keys;
create policy all_definer on app_public.api_keys
  for all to app_definer using (true) with check (true);

alter table app_private.api_key_secrets enable row level security;
alter table app_private.api_key_secrets force row level security;
drop policy if exists all_definer on app_private.api_key_secrets;
create policy all_definer on app_private.api_key_secrets
  for all to app_definer using (true) with check (true);

alter table app_private.api_key_uses enable row level security;
alter table app_private.api_key_uses force row level security;
drop policy if exists select_manager on app_private.api_key_uses;
create policy select_manager on app_private.api_key_uses
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('api_keys.manage')
  );
drop policy if exists all_definer on app_private.api_key_uses;
create policy all_definer on app_private.api_key_uses
  for all to app_definer using (true) with check (true);
--! EndIncluded 30_tenancy/policies.sql
--! Included 30_tenancy/enter.sql
/*
 * The one door. The server calls it at the start of every transaction, as its login role, before it
 * becomes app_user: so a removed member, a revoked key or a suspended tenant is out at the next
 * transaction, whatever the token says, and no policy has to look anything up.
 *
 * security definer, because memberships are not the login role's to read. Only the login role may
 * call it: a statement injected as app_user can't enter as somebody else. (accept_invitation, which
 * app_definer owns, enters the tenant it has just made the caller a member of.)
 */
create or replace function app_private.enter(
  p_user_id uuid,
  p_tenant_id uuid,
  p_request text default null,
  p_api_key_hash bytea default null
)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := p_user_id;
  v_tenant_id uuid := p_tenant_id;
  v_access text;
  v_reason text;
  v_permissions text;
  v_key app_public.api_keys;
  v_can_read boolean := true;
  v_can_write boolean := true;
  v_settings text[];
begin
  if p_api_key_hash is not null then
    v_key := app_private.use_api_key(p_api_key_hash);
    v_user_id := null;
    v_tenant_id := v_key.tenant_id;
    v_can_write := 'write' = any (v_key.scopes);
    v_can_read := v_can_write or 'read' = any (v_key.scopes);
    v_permissions := concat_ws(
      ' ',
      case when v_can_read then 'members.read' end,
      case when 'billing' = any (v_key.scopes) then 'billing.manage' end
    );
    select tenants.access, tenants.access_reason
    into v_access, v_reason
    from app_public.tenants
    where tenants.id = v_tenant_id;
  elsif v_tenant_id is not null then
    select
      tenants.access,
      tenants.access_reason,
      array_to_string(
        array(
          select role_permissions.permission
          from app_public.role_permissions
          where role_permissions.role_key = memberships.role
          order by role_permissions.permission
        ),
        ' '
      )
    into v_access, v_reason, v_permissions
    from app_public.memberships
    join app_public.tenants on tenants.id = memberships.tenant_id
    where memberships.tenant_id = v_tenant_id
    and memberships.user_id = v_user_id;

    if not found then
      raise exception 'No such tenant, or you are not a member of it'
        using errcode = 'TNFND',
              hint    = 'The query "tenants" lists those you belong to.';
    end if;
  end if;

  -- An expression and no query: evaluated by itself it takes half the time.
  v_settings := array[
    set_config('app.current_user_id', coalesce(v_user_id::text, ''), true),
    set_config('app.api_key_id', coalesce(v_key.id::text, ''), true),
    set_config('app.member_tenant_id', coalesce(v_tenant_id::text, ''), true),
    set_config(
      'app.current_tenant_id',
      case when v_can_read and v_access in ('full', 'read_only') then v_tenant_id::text else '' end,
      true
    ),
    set_config(
      'app.writable_tenant_id',
      case when v_can_write and v_access = 'full' then v_tenant_id::text else '' end,
      true
    ),
    set_config('app.access', coalesce(v_access, ''), true),
    set_config('app.access_reason', coalesce(v_reason, ''), true),
    set_config('app.permissions', coalesce(v_permissions, ''), true),
    set_config('app.request', coalesce(p_request, ''), true)
  ];
end;
$$;
comment on function app_private.enter(uuid, uuid, text, bytea) is
  'Begins a request: checks that the person is a member of the tenant now, or that the API key '
  'stands, and sets the transaction''s settings. Person and tenant may be null: a visitor, a person '
  'between tenants. p_request is JSON, {"ip", "requestId", "livemode"}; p_api_key_hash is the '
  'key''s SHA-256 and brings its own tenant. Raises TNFND, LOGIN.';
alter function app_private.enter(uuid, uuid, text, bytea) owner to app_definer;
revoke all on function app_private.enter(uuid, uuid, text, bytea) from public;
grant execute on function app_private.enter(uuid, uuid, text, bytea) to rowhouse_server;
--! EndIncluded 30_tenancy/enter.sql
--! Included 30_tenancy/functions.sql
create or replace function app_public.current_tenant()
  returns app_public.tenants
  language sql stable parallel safe
begin atomic
  select tenants.*
  from app_public.tenants
  where tenants.id = app_private.member_tenant_id();
end;
comment on function app_public.current_tenant() is
  'The tenant that the access token names, also while it is suspended.';
revoke all on function app_public.current_tenant() from public;
grant execute on function app_public.current_tenant() to app_user;

/*
 * security definer: a person's tenants lie across tenants, where no policy of app_user reaches. The
 * person is taken from the setting, never from an argument.
 */
create or replace function app_public.my_tenants()
  returns setof app_public.tenants
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select tenants.*
  from app_public.memberships
  join app_public.tenants on tenants.id = memberships.tenant_id
  where memberships.user_id = app_private.current_user_id()
  order by tenants.created_at, tenants.id;
end;
comment on function app_public.my_tenants() is
  E'@fieldName tenants\n'
  'Every tenant the signed-in person belongs to; needs no tenant in the token.';
alter function app_public.my_tenants() owner to app_definer;
revoke all on function app_public.my_tenants() from public;
grant execute on function app_public.my_tenants() to app_user;

-- The person first, by itself: in the condition it might not be asked for, where no row is seen.
create or replace function app_public.current_membership()
  returns app_public.memberships
  language plpgsql stable parallel safe
as $$
declare
  v_user_id uuid := app_private.current_user_id();
  v_membership app_public.memberships;
begin
  select memberships.*
  into v_membership
  from app_public.memberships
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = v_user_id;
  return v_membership;
end;
$$;
comment on function app_public.current_membership() is
  'The signed-in person''s own membership of the current tenant.';
revoke all on function app_public.current_membership() from public;
grant execute on function app_public.current_membership() to app_user;

create or replace function app_public.my_permissions()
  returns text[]
  language sql stable parallel safe
return case when app_private.member_tenant_id() is not null
  then string_to_array(current_setting('app.permissions', true), ' ')
end;
comment on function app_public.my_permissions() is
  E'@fieldName permissions\n'
  'What the caller may do in the current tenant: a person by their role, an API key by its scopes. '
  'Which role may do what is in roles { permissions }.';
revoke all on function app_public.my_permissions() from public;
grant execute on function app_public.my_permissions() to app_user;

/*
 * security definer: a policy shows a person nobody but themselves, and looks nothing up. Here the
 * membership is looked up, so that only the people of the current tenant come back, whatever row
 * was handed in.
 */
create or replace function app_public.memberships_user(membership app_public.memberships)
  returns app_public.users
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.*
  from app_public.memberships
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = memberships_user.membership.user_id
  and app_private.has_permission('members.read');
end;
comment on function app_public.memberships_user(app_public.memberships) is
  E'@fieldName user\nWhose membership it is.';
alter function app_public.memberships_user(app_public.memberships) owner to app_definer;
revoke all on function app_public.memberships_user(app_public.memberships) from public;
grant execute on function app_public.memberships_user(app_public.memberships) to app_user;
--! EndIncluded 30_tenancy/functions.sql
--! Included 30_tenancy/member_checks.sql
/* What the functions that change members and invitations ask, and lock, before they act. */
create or replace function app_private.enter_again()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.enter(
    app_private.current_user_id(),
    app_private.member_tenant_id(),
    current_setting('app.request', true)
  );
end;
comment on function app_private.enter_again() is
  'Looks at the caller''s own membership as it is now. Raises TNFND when it is gone.';

create or replace function app_private.lock_members()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  /*
   * Changes nothing but the row's version: a transaction that reads by an older snapshot (repeatable
   * read) fails here, where it would pass a mere lock and count owners who have left.
   */
  update app_public.tenants set name = tenants.name
  where tenants.id = app_private.member_tenant_id();

  /* While this waited, the caller may have been demoted or removed. */
  perform app_private.enter_again();
end;
$$;
comment on function app_private.lock_members() is
  'Held while owners or seats are counted, so that two at once cannot both be the last but one. '
  'Looks at the caller''s own membership again once it has the lock. Whoever also locks an '
  'invitation locks that first.';

create or replace function app_private.require_authority_over(p_role text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if exists (
    select
    from app_public.role_permissions
    where role_permissions.role_key = p_role
    and not app_private.has_permission(role_permissions.permission)
  ) then
    raise exception 'That role may do more than yours'
      using errcode = 'DNIED',
            detail  = json_build_object('role', p_role)::text,
            hint    = 'Ask an owner of the tenant.';
  end if;
end;
$$;
comment on function app_private.require_authority_over(text) is
  'Raises DNIED unless the caller holds every permission of the role: nobody grants, or takes away, '
  'what they don''t have.';

create or replace function app_private.require_role(p_role text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (select from app_public.roles where roles.key = p_role) then
    raise exception 'There is no such role'
      using errcode = 'INPUT',
            hint    = 'The query "roles" lists them.';
  end if;
end;
$$;
comment on function app_private.require_role(text) is 'Raises INPUT unless there is such a role.';

create or replace function app_private.member_to_change(p_user_id uuid)
  returns app_public.memberships
  language plpgsql stable parallel safe
as $$
declare
  v_membership app_public.memberships;
begin
  select memberships.* into v_membership
  from app_public.memberships
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = p_user_id;
  if not found then
    raise exception 'The tenant has no such member'
      using errcode = 'INPUT';
  end if;
  return v_membership;
end;
$$;
comment on function app_private.member_to_change(uuid) is
  'The membership of a person in the tenant entered. Raises INPUT.';

create or replace function app_private.require_other_owner(p_user_id uuid)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (
    select
    from app_public.memberships
    where memberships.tenant_id = app_private.member_tenant_id()
    and memberships.role = 'owner'
    and memberships.user_id <> p_user_id
  ) then
    raise exception 'A tenant must keep an owner'
      using errcode = 'CNFLT',
            hint    = 'Make somebody else an owner first: transferOwnership.';
  end if;
end;
$$;
comment on function app_private.require_other_owner(uuid) is
  'Raises CNFLT if the tenant would be without an owner once this one is gone.';

create or replace function app_private.delete_member(p_membership app_public.memberships)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  if p_membership.role = 'owner' then
    perform app_private.require_other_owner(p_membership.user_id);
  end if;
  delete from app_public.memberships
  where memberships.tenant_id = p_membership.tenant_id
  and memberships.user_id = p_membership.user_id;

  /* Whoever took themselves out is out now, not only at their next transaction. */
  if p_membership.user_id = app_private.current_user_id() then
    perform app_private.enter(
      app_private.current_user_id(), null, current_setting('app.request', true)
    );
  end if;
end;
$$;
comment on function app_private.delete_member(app_public.memberships) is
  'Ends a membership of the tenant entered, with the members locked. Raises CNFLT for the last '
  'owner''s.';

revoke all on function
  app_private.enter_again(),
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid),
  app_private.delete_member(app_public.memberships)
  from public;
grant execute on function
  app_private.enter_again(),
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid),
  app_private.delete_member(app_public.memberships)
  to app_definer;
--! EndIncluded 30_tenancy/member_checks.sql
--! Included 30_tenancy/members.sql
/*
 * Who belongs to a tenant, and as what. These functions are security definer, because nobody may
 * write memberships: a role is never one's own to choose. Each asks for the permission, takes the
 * tenant's lock before it counts owners, and works only inside the tenant entered. Letting people
 * go is possible also while the tenant is suspended; it costs nothing and may be urgent.
 */
create or replace function app_public.remove_member(user_id uuid)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('members.remove');
  v_membership := app_private.member_to_change(remove_member.user_id);
  perform app_private.require_authority_over(v_membership.role);
  perform app_private.delete_member(v_membership);
  return v_membership;
end;
$$;
comment on function app_public.remove_member(uuid) is
  'Takes a person out of the tenant, at once. Needs members.remove, and every permission that the '
  'person''s role has. Errors: FORBIDDEN, CONFLICT for the last owner.';
alter function app_public.remove_member(uuid) owner to app_definer;
revoke all on function app_public.remove_member(uuid) from public;
grant execute on function app_public.remove_member(uuid) to app_user;

create or replace function app_public.leave_tenant()
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  v_membership := app_private.member_to_change(app_private.current_user_id());
  perform app_private.delete_member(v_membership);
  return v_membership;
end;
$$;
comment on function app_public.leave_tenant() is
  'Takes oneself out of the tenant, at once. Errors: CONFLICT for the last owner.';
alter function app_public.leave_tenant() owner to app_definer;
revoke all on function app_public.leave_tenant() from public;
grant execute on function app_public.leave_tenant() to app_user;

create or replace function app_public.change_member_role(user_id uuid, role text)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('members.change_role');
  perform app_private.require_role(change_member_role.role);
  v_membership := app_private.member_to_change(change_member_role.user_id);
  perform app_private.require_authority_over(v_membership.role);
  perform app_private.require_authority_over(change_member_role.role);
  if v_membership.role = 'owner' and change_member_role.role <> 'owner' then
    perform app_private.require_other_owner(v_membership.user_id);
  end if;

  update app_public.memberships set role = change_member_role.role
  where memberships.tenant_id = v_membership.tenant_id
  and memberships.user_id = v_membership.user_id
  returning memberships.* into v_membership;
  perform app_private.enter_again();
  return v_membership;
end;
$$;
comment on function app_public.change_member_role(uuid, text) is
  'Gives a member another role. Needs members.change_role, and every permission of both the old '
  'role and the new one. Errors: FORBIDDEN, CONFLICT for the last owner.';
alter function app_public.change_member_role(uuid, text) owner to app_definer;
revoke all on function app_public.change_member_role(uuid, text) from public;
grant execute on function app_public.change_member_role(uuid, text) to app_user;

create or replace function app_public.transfer_ownership(user_id uuid)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_heir app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('tenant.transfer');
  /* Roles are data: one that may transfer need not hold all that an owner, or an admin, does. */
  perform app_private.require_authority_over('owner');
  perform app_private.require_authority_over('admin');
  v_heir := app_private.member_to_change(transfer_ownership.user_id);
  if v_heir.user_id = app_private.current_user_id() then
    raise exception 'You are an owner already'
      using errcode = 'INPUT';
  end if;

  update app_public.memberships set role = 'owner'
  where memberships.tenant_id = v_heir.tenant_id
  and memberships.user_id = v_heir.user_id
  returning memberships.* into v_heir;
  update app_public.memberships set role = 'admin'
  where memberships.tenant_id = v_heir.tenant_id
  and memberships.user_id = app_private.current_user_id();
  perform app_private.enter_again();
  return v_heir;
end;
$$;
comment on function app_public.transfer_ownership(uuid) is
  'Makes another member an owner and the caller an admin. Needs tenant.transfer, and every '
  'permission of both roles. Answers with the new owner''s membership. Errors: FORBIDDEN, '
  'BAD_USER_INPUT.';
alter function app_public.transfer_ownership(uuid) owner to app_definer;
revoke all on function app_public.transfer_ownership(uuid) from public;
grant execute on function app_public.transfer_ownership(uuid) to app_user;
--! EndIncluded 30_tenancy/members.sql
--! Included 30_tenancy/invitation_checks.sql
/* What the functions of invitations.sql and invitation_answers.sql ask before they act. */
create or replace function app_private.send_invitation(p_invitation app_public.invitations)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_daily_limit constant integer := 100;
  v_sent bigint;
begin
  /* So that many at once don't each count the others out, and none goes out for who was demoted. */
  perform app_private.lock_members();
  perform app_private.require_permission('members.invite');
  perform app_private.require_authority_over(p_invitation.role);

  select sum(invitations.sent_count) into v_sent
  from app_public.invitations
  where invitations.tenant_id = p_invitation.tenant_id
  and invitations.sent_at > now() - interval '1 day';
  if v_sent > v_daily_limit then
    raise exception 'The tenant has sent % invitations within a day', v_daily_limit
      using errcode = 'RATED',
            hint    = 'Go on tomorrow.';
  end if;

  perform graphile_worker.add_job(
    'send_invitation',
    json_build_object(
      'tenant_id', p_invitation.tenant_id, 'invitation_id', p_invitation.id
    ),
    job_key => 'send_invitation:' || p_invitation.id
  );
end;
$$;
comment on function app_private.send_invitation(app_public.invitations) is
  'Has the worker send the e-mail. Raises RATED beyond 100 a day, so that no tenant mails the world; '
  'DNIED.';

create or replace function app_private.invitation_to_change(p_invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile parallel unsafe
as $$
declare
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('members.invite');
  select invitations.* into v_invitation
  from app_public.invitations
  where invitations.tenant_id = app_private.member_tenant_id()
  and invitations.id = p_invitation_id
  and invitations.status = 'open'
  for update;
  if not found then
    raise exception 'There is no such open invitation'
      using errcode = 'INPUT';
  end if;
  perform app_private.require_authority_over(v_invitation.role);

  /* Whatever was sent so far leads nowhere from now on. */
  delete from app_private.invitation_tokens
  where invitation_tokens.tenant_id = v_invitation.tenant_id
  and invitation_tokens.invitation_id = v_invitation.id;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_change(uuid) is
  'An open invitation of the tenant entered, locked, its tokens gone. Raises DNIED, INPUT.';

create or replace function app_private.invitation_to_answer(p_token text)
  returns app_public.invitations
  language plpgsql volatile parallel unsafe
as $$
declare
  v_token_hash bytea := sha256(convert_to(p_token, 'UTF8'));
  v_user app_public.users;
  v_invitation app_public.invitations;
  v_is_addressed boolean;
  v_is_verified boolean;
  v_has_accepted boolean;
begin
  select users.* into v_user
  from app_public.users
  where users.id = app_private.current_user_id();

  select invitations.* into v_invitation
  from app_private.invitation_tokens
  join app_public.invitations
    on invitations.tenant_id = invitation_tokens.tenant_id
    and invitations.id = invitation_tokens.invitation_id
  where invitation_tokens.token_hash = v_token_hash
  for update of invitations;

  /*
   * Only A to Z lose their case here: beyond them there are letters whose lower case is another's,
   * such as the Kelvin sign and k, and one's address would pass for somebody else's.
   */
  v_is_addressed := coalesce(v_invitation.email = lower(v_user.email collate "C"), false);
  v_is_verified := coalesce(v_user.is_email_verified, false);
  v_has_accepted := v_invitation.status = 'accepted' and v_is_addressed and v_is_verified
    and exists (
      select
      from app_public.memberships
      where memberships.tenant_id = v_invitation.tenant_id
      and memberships.user_id = v_user.id
    );

  /*
   * Expired, revoked, never there: a stranger learns nothing from the difference. Whether there is
   * such a token is asked again, as it may have been replaced while this waited for the row.
   */
  if not exists (
      select from app_private.invitation_tokens where invitation_tokens.token_hash = v_token_hash
    )
    or not (
      v_has_accepted or (v_invitation.status = 'open' and v_invitation.expires_at > now())
    )
  then
    raise exception 'The invitation is not valid, or no longer'
      using errcode = 'INPUT',
            hint    = 'Ask whoever invited you to send it again.';
  elsif not v_is_addressed then
    raise exception 'The invitation is for another e-mail address'
      using errcode = 'DNIED',
            hint    = 'Sign in with the address that it was sent to.';
  elsif not v_is_verified then
    raise exception 'Your e-mail address is not verified yet'
      using errcode = 'DNIED',
            hint    = 'Follow the link in the e-mail that came when you signed up.';
  end if;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_answer(text) is
  'The invitation that a token opens for the signed-in person, locked: an open one, or one that made '
  'them the member they are. Raises INPUT, DNIED.';

create or replace function app_private.inviter_may_invite(p_invitation app_public.invitations)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.memberships
    where memberships.tenant_id = p_invitation.tenant_id
    and memberships.user_id = p_invitation.invited_by
    and not exists (
      select needed.permission
      from app_public.role_permissions as needed
      where needed.role_key = p_invitation.role
      union
      select 'members.invite'
      except
      select held.permission
      from app_public.role_permissions as held
      where held.role_key = memberships.role
    )
  );
end;
comment on function app_private.inviter_may_invite(app_public.invitations) is
  'Whether the person who invited could still do so: a door must not stay open for whoever was '
  'shown out.';

create or replace function app_private.require_seat()
  returns void
  language plpgsql stable parallel safe
as $$
declare
  v_seats record;
begin
  select entitlements.used, entitlements."limit" into v_seats
  from app_public.entitlements
  where entitlements.feature = 'seats';
  if v_seats.used > v_seats."limit" then
    raise exception 'Every seat of the plan is taken'
      using errcode = 'QUOTA',
            detail  = json_build_object(
                        'feature', 'seats',
                        'limit', v_seats."limit",
                        'used', v_seats.used - 1,
                        'resetsAt', null
                      )::text,
            hint    = 'An owner can move to a larger plan or remove a member.';
  end if;
end;
$$;
comment on function app_private.require_seat() is
  'Raises QUOTA if the member that was just added, with the members locked, is one too many.';

revoke all on function
  app_private.send_invitation(app_public.invitations),
  app_private.invitation_to_change(uuid),
  app_private.invitation_to_answer(text),
  app_private.inviter_may_invite(app_public.invitations),
  app_private.require_seat()
  from public;
grant execute on function
  app_private.send_invitation(app_public.invitations),
  app_private.invitation_to_change(uuid),
  app_private.invitation_to_answer(text),
  app_private.inviter_may_invite(app_public.invitations),
  app_private.require_seat()
  to app_definer;
--! EndIncluded 30_tenancy/invitation_checks.sql
--! Included 30_tenancy/invitations.sql
/*
 * Invitations. The functions are security definer: nobody writes invitations or memberships, and
 * whoever answers an invitation is not in its tenant. No answer differs by whether the invited
 * address has an account. The token exists in clear only in the e-mail: the task that sends it
 * makes it up and hands in its hash.
 */
create or replace function app_public.invite_member(email text, role text default 'member')
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
/* "on conflict" names columns and can't qualify them. */
#variable_conflict use_column
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_email text := lower(btrim(invite_member.email, E' \t\r\n'));
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('members.invite');
  perform app_private.require_role(invite_member.role);
  perform app_private.require_authority_over(invite_member.role);
  if coalesce(char_length(v_email), 0) > 320
    or coalesce(v_email, '')
      !~ '^[^][:space:][:cntrl:]@,;:<>()\\"[]+@[^][:space:][:cntrl:]@,;:<>()\\"[]+$'
  then
    raise exception '"email" must be an e-mail address'
      using errcode = 'INPUT';
  end if;
  if exists (
    select
    from app_public.memberships
    join app_public.users on users.id = memberships.user_id
    where memberships.tenant_id = v_tenant_id
    and lower(users.email) = v_email
  ) then
    raise exception 'This person is a member already'
      using errcode = 'CNFLT';
  end if;

  update app_public.invitations set status = 'expired'
  where invitations.tenant_id = v_tenant_id
  and invitations.email = v_email
  and invitations.status = 'open'
  and invitations.expires_at <= now();

  insert into app_public.invitations (email, role)
  values (v_email, invite_member.role)
  on conflict (tenant_id, email) where status = 'open' do nothing
  returning invitations.* into v_invitation;
  if not found then
    raise exception 'This person is invited already'
      using errcode = 'CNFLT',
            hint    = 'resendInvitation sends the e-mail again.';
  end if;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.invite_member(text, text) is
  'Asks somebody, by an e-mail with a token, to become a member; good for 7 days. Needs '
  'members.invite, and every permission of the role. Whether a seat is left is asked when it is '
  'accepted. Errors: FORBIDDEN, CONFLICT, RATE_LIMITED.';
alter function app_public.invite_member(text, text) owner to app_definer;
revoke all on function app_public.invite_member(text, text) from public;
grant execute on function app_public.invite_member(text, text) to app_user;

create or replace function app_public.resend_invitation(invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_change(resend_invitation.invitation_id);
  update app_public.invitations set
    invited_by = app_private.current_user_id(),
    expires_at = now() + interval '7 days',
    sent_at = now(),
    sent_count = case
      when invitations.sent_at > now() - interval '1 day' then invitations.sent_count + 1
      else 1
    end
  where invitations.tenant_id = v_tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.resend_invitation(uuid) is
  'Sends an open invitation again with a new token, good for 7 days; earlier ones stop working. '
  'Needs members.invite, and every permission of the role. Errors: FORBIDDEN, BAD_USER_INPUT, '
  'RATE_LIMITED.';
alter function app_public.resend_invitation(uuid) owner to app_definer;
revoke all on function app_public.resend_invitation(uuid) from public;
grant execute on function app_public.resend_invitation(uuid) to app_user;

create or replace function app_public.revoke_invitation(invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_change(revoke_invitation.invitation_id);
  update app_public.invitations set status = 'revoked'
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  return v_invitation;
end;
$$;
comment on function app_public.revoke_invitation(uuid) is
  'Takes an open invitation back: its e-mail leads nowhere from now on. Needs members.invite, and '
  'every permission of the role. Errors: FORBIDDEN, BAD_USER_INPUT.';
alter function app_public.revoke_invitation(uuid) owner to app_definer;
revoke all on function app_public.revoke_invitation(uuid) from public;
grant execute on function app_public.revoke_invitation(uuid) to app_user;
--! EndIncluded 30_tenancy/invitations.sql
--! Included 30_tenancy/invitation_answers.sql
/* What the invited person, and the task that writes to them, can do with an invitation. */
create or replace function app_public.accept_invitation(token text)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_private.current_user_id();
  v_invitation app_public.invitations;
  v_is_new boolean := false;
  v_tenant app_public.tenants;
begin
  v_invitation := app_private.invitation_to_answer(accept_invitation.token);
  /* Whoever answers again makes no membership: the one that they had may be ending at this moment. */
  if v_invitation.status = 'open' then
    insert into app_public.memberships (tenant_id, user_id, role)
    values (v_invitation.tenant_id, v_user_id, v_invitation.role)
    on conflict on constraint memberships_pkey do nothing;
    v_is_new := found;
  end if;
  perform app_private.enter(
    v_user_id, v_invitation.tenant_id, current_setting('app.request', true)
  );

  if v_is_new then
    perform app_private.lock_members();
    if not app_private.inviter_may_invite(v_invitation) then
      raise exception 'The invitation is not valid, or no longer'
        using errcode = 'INPUT',
              hint    = 'Ask an owner of the tenant to invite you.';
    end if;
    /* Also refuses to let anyone into a tenant that has no access. */
    perform app_private.writable_tenant_id();
    perform app_private.require_seat();
  end if;

  update app_public.invitations set status = 'accepted', answered_at = now()
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  and invitations.status = 'open';
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = v_invitation.tenant_id;
  return v_tenant;
end;
$$;
comment on function app_public.accept_invitation(text) is
  'Makes the signed-in person a member, if the invitation was sent to their e-mail address and that '
  'is verified. Needs no tenant in the token; POST /auth/token gives one for the tenant then. '
  'Asked again, it answers the same. Errors: BAD_USER_INPUT, FORBIDDEN, LIMIT_EXCEEDED when no seat is left, '
  'TENANT_SUSPENDED, TENANT_READ_ONLY.';
alter function app_public.accept_invitation(text) owner to app_definer;
revoke all on function app_public.accept_invitation(text) from public;
grant execute on function app_public.accept_invitation(text) to app_user;

create or replace function app_public.decline_invitation(token text)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_answer(decline_invitation.token);
  if v_invitation.status = 'accepted' then
    raise exception 'You have accepted this invitation'
      using errcode = 'CNFLT',
            hint    = 'leaveTenant takes you out again.';
  end if;
  update app_public.invitations set status = 'declined', answered_at = now()
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  return v_invitation;
end;
$$;
comment on function app_public.decline_invitation(text) is
  'Says no to an invitation; under the same conditions as acceptInvitation. Errors: BAD_USER_INPUT, '
  'FORBIDDEN, CONFLICT once it is accepted.';
alter function app_public.decline_invitation(text) owner to app_definer;
revoke all on function app_public.decline_invitation(text) from public;
grant execute on function app_public.decline_invitation(text) to app_user;

/*
 * security definer: so that the worker can neither read invitations nor make tokens for any but the
 * one that it was told to send.
 */
create or replace function app_private.record_invitation_token(
  p_tenant_id uuid,
  p_invitation_id uuid,
  p_token_hash bytea
)
  returns table (
    email text,
    tenant_name text,
    inviter_name text,
    role_name text,
    expires_at timestamptz
  )
  language sql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
begin atomic
  with open_invitation as (
    select invitations.*
    from app_public.invitations
    where invitations.tenant_id = p_tenant_id
    and invitations.id = p_invitation_id
    and invitations.status = 'open'
    and invitations.expires_at > now()
    for update
  ),
  token as (
    insert into app_private.invitation_tokens (tenant_id, invitation_id, token_hash)
    select open_invitation.tenant_id, open_invitation.id, p_token_hash
    from open_invitation
  )
  select
    open_invitation.email,
    tenants.name,
    users.name,
    roles.name,
    open_invitation.expires_at
  from open_invitation
  join app_public.tenants on tenants.id = open_invitation.tenant_id
  join app_public.users on users.id = open_invitation.invited_by
  join app_public.roles on roles.key = open_invitation.role;
end;
comment on function app_private.record_invitation_token(uuid, uuid, bytea) is
  'Stores the SHA-256 of a token that is about to be sent, and answers with what the e-mail says; '
  'no row when the invitation is no longer open.';
alter function app_private.record_invitation_token(uuid, uuid, bytea) owner to app_definer;
revoke all on function app_private.record_invitation_token(uuid, uuid, bytea) from public;
grant execute on function app_private.record_invitation_token(uuid, uuid, bytea) to app_worker;
--! EndIncluded 30_tenancy/invitation_answers.sql
--! Included 30_tenancy/api_keys.sql
/*
 * API keys. The functions are security definer: nobody reads or writes a key's hash. A key stands
 * for its tenant, never for a person: whatever asks for current_user_id() refuses it.
 */
create or replace function app_private.use_api_key(p_key_hash bytea)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  select api_keys.* into v_key
  from app_private.api_key_secrets
  join app_public.api_keys
    on api_keys.tenant_id = api_key_secrets.tenant_id
    and api_keys.id = api_key_secrets.api_key_id
  where api_key_secrets.key_hash = p_key_hash
  and (api_key_secrets.expires_at is null or api_key_secrets.expires_at > now())
  and (api_keys.expires_at is null or api_keys.expires_at > now())
  and api_keys.revoked_at is null;
  if not found then
    raise exception 'The API key is not valid, or no longer'
      using errcode = 'LOGIN',
            hint    = 'Somebody whose role may manage keys can make one: createApiKey.';
  end if;

  /* Once a minute, and never waiting for another request of the same key. */
  update app_private.api_key_uses set last_used_at = now()
  where (api_key_uses.tenant_id, api_key_uses.api_key_id) in (
    select due.tenant_id, due.api_key_id
    from app_private.api_key_uses as due
    where due.tenant_id = v_key.tenant_id
    and due.api_key_id = v_key.id
    and (due.last_used_at is null or due.last_used_at < now() - interval '1 minute')
    for no key update skip locked
  );
  return v_key;
end;
$$;
comment on function app_private.use_api_key(bytea) is
  'The key with this SHA-256, if it stands; notes that it was used. Raises LOGIN.';

create or replace function app_private.new_api_key_secret()
  returns text
  language sql volatile parallel unsafe
/* 192 of the 244 random bits of two uuids, hashed so that their fixed bits don't show. */
return case
    when (nullif(current_setting('app.request', true), '')::jsonb ->> 'livemode')::boolean
      then 'rh_live_'
    else 'rh_test_'
  end
  || substr(
    encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 48
  );
comment on function app_private.new_api_key_secret() is
  'A new secret for a key: rh_live_ or rh_test_ and 48 hexadecimal digits.';

create or replace function app_private.api_key_hint(p_secret text)
  returns text
  language sql immutable parallel safe
return left(p_secret, 8) || '…' || right(p_secret, 4);
comment on function app_private.api_key_hint(text) is
  'What is shown of a secret ever after: the end has 16 of its 192 bits.';

create or replace function app_private.keep_api_key_secret(
  p_tenant_id uuid,
  p_api_key_id uuid,
  p_secret text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.api_key_secrets (tenant_id, api_key_id, key_hash)
  values (p_tenant_id, p_api_key_id, sha256(convert_to(p_secret, 'UTF8')));
end;
comment on function app_private.keep_api_key_secret(uuid, uuid, text) is
  'Lets a key be used by this secret, of which only the hash is kept.';

create or replace function app_private.api_key_to_change(p_api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  /* Whoever was demoted meanwhile must not walk out with a secret. */
  perform app_private.require_permission('api_keys.manage');
  perform app_private.lock_members();
  perform app_private.require_permission('api_keys.manage');
  select api_keys.* into v_key
  from app_public.api_keys
  where api_keys.tenant_id = app_private.member_tenant_id()
  and api_keys.id = p_api_key_id
  and api_keys.revoked_at is null
  for no key update;
  if not found then
    raise exception 'There is no such API key, or it is revoked'
      using errcode = 'INPUT';
  end if;
  return v_key;
end;
$$;
comment on function app_private.api_key_to_change(uuid) is
  'A standing key of the tenant entered, locked. Raises DNIED, INPUT.';

create or replace function app_private.require_scopes(p_scopes text[])
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if 'billing' = any (p_scopes) then
    perform app_private.require_permission('billing.manage');
  end if;
end;
$$;
comment on function app_private.require_scopes(text[]) is
  'Raises DNIED unless the caller may do what a key with these scopes may: nobody gives a machine '
  'what they don''t have.';

revoke all on function
  app_private.use_api_key(bytea),
  app_private.new_api_key_secret(),
  app_private.api_key_hint(text),
  app_private.keep_api_key_secret(uuid, uuid, text),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  from public;
grant execute on function
  app_private.use_api_key(bytea),
  app_private.new_api_key_secret(),
  app_private.api_key_hint(text),
  app_private.keep_api_key_secret(uuid, uuid, text),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  to app_definer;

create or replace function app_public.api_keys_last_used_at(api_key app_public.api_keys)
  returns timestamptz
  language sql stable parallel safe
begin atomic
  select api_key_uses.last_used_at
  from app_private.api_key_uses
  where api_key_uses.tenant_id = api_keys_last_used_at.api_key.tenant_id
  and api_key_uses.api_key_id = api_keys_last_used_at.api_key.id;
end;
comment on function app_public.api_keys_last_used_at(app_public.api_keys) is
  'To the minute; null before the first use. A request that fails does not count.';
revoke all on function app_public.api_keys_last_used_at(app_public.api_keys) from public;
grant execute on function app_public.api_keys_last_used_at(app_public.api_keys) to app_user;
--! EndIncluded 30_tenancy/api_keys.sql
--! Included 30_tenancy/api_key_changes.sql
/* What those whose role may manage API keys can do with them. */
create or replace function app_public.create_api_key(
  name text,
  scopes text[],
  expires_at timestamptz default null,
  out api_key app_public.api_keys,
  out secret text
)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := 100;
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_name text := btrim(create_api_key.name, E' \t\r\n');
  v_scopes text[] := array(select distinct unnest(create_api_key.scopes) order by 1);
begin
  perform app_private.require_permission('api_keys.manage');
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100 or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;
  if cardinality(v_scopes) = 0 or not coalesce(v_scopes <@ array['read', 'write', 'billing'], false)
  then
    raise exception '"scopes" must list some of: read, write, billing'
      using errcode = 'INPUT';
  end if;
  if create_api_key.expires_at <= now() or not isfinite(create_api_key.expires_at) then
    raise exception '"expiresAt" must be in the future'
      using errcode = 'INPUT';
  end if;

  /* After the lock, because the caller may have been demoted while this waited for it. */
  perform app_private.lock_members();
  perform app_private.require_permission('api_keys.manage');
  perform app_private.require_scopes(v_scopes);
  if v_limit <= (
    select count(*)
    from app_public.api_keys
    where api_keys.tenant_id = v_tenant_id
    and api_keys.revoked_at is null
    and (api_keys.expires_at is null or api_keys.expires_at > now())
  ) then
    raise exception 'A tenant may have % API keys', v_limit
      using errcode = 'CNFLT',
            hint    = 'Revoke one that is not used any more.';
  end if;

  secret := app_private.new_api_key_secret();
  insert into app_public.api_keys (name, scopes, hint, expires_at)
  values (v_name, v_scopes, app_private.api_key_hint(secret), create_api_key.expires_at)
  returning api_keys.* into api_key;
  insert into app_private.api_key_uses (tenant_id, api_key_id)
  values (api_key.tenant_id, api_key.id);
  perform app_private.keep_api_key_secret(api_key.tenant_id, api_key.id, secret);
end;
$$;
comment on function app_public.create_api_key(text, text[], timestamptz) is
  E'@resultFieldName result\n'
  'Makes a key for a machine. The secret is shown this once: Authorization: Bearer rh_…. Needs '
  'api_keys.manage, and billing.manage for the scope billing. expiresAt null means never.';
alter function app_public.create_api_key(text, text[], timestamptz) owner to app_definer;
revoke all on function app_public.create_api_key(text, text[], timestamptz) from public;
grant execute on function app_public.create_api_key(text, text[], timestamptz) to app_user;

create or replace function app_public.rotate_api_key(
  api_key_id uuid,
  overlap_seconds integer default 0,
  out api_key app_public.api_keys,
  out secret text
)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := 10;
begin
  if coalesce(rotate_api_key.overlap_seconds, -1) not between 0 and 604800 then
    raise exception '"overlapSeconds" must be from 0 to 604,800, a week'
      using errcode = 'INPUT';
  end if;
  api_key := app_private.api_key_to_change(rotate_api_key.api_key_id);
  perform app_private.require_scopes(api_key.scopes);
  if api_key.expires_at <= now() then
    raise exception 'The API key has expired'
      using errcode = 'INPUT',
            hint    = 'Make another: createApiKey.';
  end if;

  delete from app_private.api_key_secrets
  where api_key_secrets.tenant_id = api_key.tenant_id
  and api_key_secrets.api_key_id = api_key.id
  and (rotate_api_key.overlap_seconds = 0 or api_key_secrets.expires_at <= now());
  update app_private.api_key_secrets set
    expires_at = least(
      api_key_secrets.expires_at,
      now() + make_interval(secs => rotate_api_key.overlap_seconds)
    )
  where api_key_secrets.tenant_id = api_key.tenant_id
  and api_key_secrets.api_key_id = api_key.id;
  if v_limit <= (
    select count(*)
    from app_private.api_key_secrets
    where api_key_secrets.tenant_id = api_key.tenant_id
    and api_key_secrets.api_key_id = api_key.id
  ) then
    raise exception 'An API key may have % secrets at once', v_limit
      using errcode = 'CNFLT',
            hint    = 'Rotate with overlapSeconds 0, which ends the earlier ones.';
  end if;

  secret := app_private.new_api_key_secret();
  perform app_private.keep_api_key_secret(api_key.tenant_id, api_key.id, secret);
  update app_public.api_keys set hint = app_private.api_key_hint(secret)
  where api_keys.tenant_id = api_key.tenant_id
  and api_keys.id = api_key.id
  returning api_keys.* into api_key;
end;
$$;
comment on function app_public.rotate_api_key(uuid, integer) is
  E'@resultFieldName result\n'
  'Gives a key a new secret, shown this once. The old one goes on for overlapSeconds (0: stops now), '
  'so that machines can be changed one after the other. Needs what createApiKey needs.';
alter function app_public.rotate_api_key(uuid, integer) owner to app_definer;
revoke all on function app_public.rotate_api_key(uuid, integer) from public;
grant execute on function app_public.rotate_api_key(uuid, integer) to app_user;

create or replace function app_public.revoke_api_key(api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  v_key := app_private.api_key_to_change(revoke_api_key.api_key_id);
  update app_public.api_keys set revoked_at = now()
  where api_keys.tenant_id = v_key.tenant_id
  and api_keys.id = v_key.id
  returning api_keys.* into v_key;
  delete from app_private.api_key_secrets
  where api_key_secrets.tenant_id = v_key.tenant_id
  and api_key_secrets.api_key_id = v_key.id;
  return v_key;
end;
$$;
comment on function app_public.revoke_api_key(uuid) is
  'Ends a key for ever, at its very next use. Needs api_keys.manage.';
alter function app_public.revoke_api_key(uuid) owner to app_definer;
revoke all on function app_public.revoke_api_key(uuid) from public;
grant execute on function app_public.revoke_api_key(uuid) to app_user;
--! EndIncluded 30_tenancy/api_key_changes.sql
--! Included 30_tenancy/triggers.sql
/*
 * What listens to the tenants (server/tenant_notifications.ts) is told which row to look at, and
 * reads it as whoever subscribed. So there are ids in a notification and nothing else, and a forged
 * one, which Postgres lets any role send, makes the server look once more and no more than that.
 */
create or replace function app_private.notify_tenant(
  p_tenant_id uuid,
  p_topic text,
  p_row_id uuid
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select pg_notify(
    'rowhouse_tenants',
    json_build_object('tenant_id', p_tenant_id, 'topic', p_topic, 'row_id', p_row_id)::text
  );
end;
comment on function app_private.notify_tenant(uuid, text, uuid) is
  'Tells the servers, when the transaction commits, that something of a tenant''s has changed. '
  'Topics: tenant, billing_request; membership and api_key when one has ended.';
revoke all on function app_private.notify_tenant(uuid, text, uuid) from public;
grant execute on function app_private.notify_tenant(uuid, text, uuid) to app_worker, app_definer;

/*
 * Its arguments: the topic, the column with the tenant's id, the column with the row's. security
 * definer, because people and tasks change the rows and none of them may notify by themselves; all
 * it does is that, about the tenant of the row that changed.
 */
create or replace function app_private.tg__notify_tenant()
  returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := coalesce(to_jsonb(new), to_jsonb(old));
begin
  perform app_private.notify_tenant(
    (v_row ->> tg_argv[1])::uuid,
    tg_argv[0],
    (v_row ->> tg_argv[2])::uuid
  );
  return null;
end;
$$;
comment on function app_private.tg__notify_tenant() is
  'Trigger: notify_tenant about the row. Arguments: topic, column of the tenant''s id, of the row''s.';
alter function app_private.tg__notify_tenant() owner to app_definer;
revoke all on function app_private.tg__notify_tenant() from public;

create or replace trigger _900_notify
  after update on app_public.tenants
  for each row when (old.* is distinct from new.*)
  execute function app_private.tg__notify_tenant('tenant', 'id', 'id');

/* Whoever is out must be out at once, also of what they have subscribed to. */
create or replace trigger _900_notify
  after delete on app_public.memberships
  for each row execute function app_private.tg__notify_tenant('membership', 'tenant_id', 'user_id');

create or replace trigger _900_notify
  after update of revoked_at on app_public.api_keys
  for each row when (old.revoked_at is distinct from new.revoked_at)
  execute function app_private.tg__notify_tenant('api_key', 'tenant_id', 'id');
--! EndIncluded 30_tenancy/triggers.sql
--! Included 30_tenancy/seed.sql
insert into app_public.roles (key, name, position) values
  ('owner',  'Owner',  1),
  ('admin',  'Admin',  2),
  ('member', 'Member', 3)
on conflict (key) do update set
  name = excluded.name,
  position = excluded.position;

/* What a role may do is decided here and nowhere else; app_private.require_permission() asks. */
insert into app_public.role_permissions (role_key, permission) values
  ('owner',  'billing.manage'),
  ('owner',  'tenant.manage'),
  ('owner',  'tenant.transfer'),
  ('owner',  'members.read'),
  ('owner',  'members.invite'),
  ('owner',  'members.remove'),
  ('owner',  'members.change_role'),
  ('owner',  'api_keys.manage'),
  ('owner',  'audit.read'),
  ('admin',  'tenant.manage'),
  ('admin',  'members.read'),
  ('admin',  'members.invite'),
  ('admin',  'members.remove'),
  ('admin',  'members.change_role'),
  ('admin',  'api_keys.manage'),
  ('admin',  'audit.read'),
  ('member', 'members.read')
on conflict (role_key, permission) do nothing;
--! EndIncluded 30_tenancy/seed.sql

--! Included 35_audit_log/tables.sql
/* Append-only: no run-time role may change or delete an entry, and only the trigger makes one. */
create table if not exists app_public.audit_entries (
  tenant_id   uuid        not null,
  id          uuid        not null default uuidv7(),
  occurred_at timestamptz not null default now(),
  actor_kind  text        not null,
  actor_id    uuid,
  action      text        not null,
  table_name  text        not null,
  record_id   text,
  changes     jsonb       not null,
  ip          text,
  request_id  text,
  constraint audit_entries_pkey primary key (tenant_id, id),
  constraint audit_entries_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint audit_entries_actor_known check (
    case actor_kind when 'system' then actor_id is null else actor_id is not null end
    and actor_kind in ('user', 'api_key', 'system')
  ),
  constraint audit_entries_action_known check (action in ('insert', 'update', 'delete')),
  constraint audit_entries_record_bounded check (char_length(record_id) <= 200),
  constraint audit_entries_ip_bounded check (char_length(ip) <= 100),
  constraint audit_entries_request_bounded check (char_length(request_id) <= 200)
);
comment on table app_public.audit_entries is
  E'@behavior -insert -update -delete\n'
  'The audit log: who did what to which row, and from where. Written with the change itself, for '
  'ever. For those whose role may read it.';
comment on column app_public.audit_entries.id is 'Ascends with time: PRIMARY_KEY_DESC is newest first.';
comment on column app_public.audit_entries.occurred_at is
  E'@behavior +attribute:filterBy\n'
  'When the transaction began.';
comment on column app_public.audit_entries.actor_kind is
  E'@behavior +attribute:filterBy\n'
  'user: a person. api_key: a machine. system: a task, in answer to Stripe or the clock, or an '
  'operator.';
comment on column app_public.audit_entries.actor_id is
  E'@behavior +attribute:filterBy\n'
  'The person''s or the API key''s id; null for the system.';
comment on column app_public.audit_entries.action is
  E'@behavior +attribute:filterBy\n'
  'insert, update or delete.';
comment on column app_public.audit_entries.table_name is
  E'@behavior +attribute:filterBy\n'
  'The table''s name in SQL, e.g. projects.';
comment on column app_public.audit_entries.record_id is
  'The row''s id, or where it has none the rest of its primary key, joined by commas.';
comment on column app_public.audit_entries.changes is
  'By column, [before, after]; null stands for what was not there. Columns that stayed as they were, '
  'or are null in a row that came or went, are left out.';
comment on column app_public.audit_entries.ip is 'Where the request came from; null for the system.';
comment on column app_public.audit_entries.request_id is
  'The X-Request-Id of the request, which the server''s log has too; null for the system.';
comment on constraint audit_entries_tenant_fkey on app_public.audit_entries is
  E'@fieldName tenant\n@backwardBehavior -*';
/* Serves: what happened to one row. */
create index if not exists audit_entries_record_idx
  on app_public.audit_entries (tenant_id, record_id, id desc);
--! EndIncluded 35_audit_log/tables.sql
--! Included 35_audit_log/access.sql
revoke all on app_public.audit_entries from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody may update or delete: not a person, not a task, not even who writes it. */
grant select on app_public.audit_entries to app_user;
grant select, insert on app_public.audit_entries to app_definer;
--! EndIncluded 35_audit_log/access.sql
--! Included 35_audit_log/policies.sql
alter table app_public.audit_entries enable row level security;
alter table app_public.audit_entries force row level security;
drop policy if exists select_auditor on app_public.audit_entries;
create policy select_auditor on app_public.audit_entries
  for select to app_user, app_definer
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('audit.read')
  );
/* Tasks change rows of tenants without entering them; the entry goes where the row is. */
drop policy if exists insert_definer on app_public.audit_entries;
create policy insert_definer on app_public.audit_entries
  for insert to app_definer with check (true);
--! EndIncluded 35_audit_log/policies.sql
--! Included 35_audit_log/functions.sql
create or replace function app_private.record_key(p_table oid, p_row jsonb)
  returns text
  language sql stable parallel safe
begin atomic
  select string_agg(p_row ->> pg_attribute.attname, ',' order by key_columns.position)
  from pg_catalog.pg_index
  cross join lateral unnest(pg_index.indkey::smallint[])
    with ordinality as key_columns (attnum, position)
  join pg_catalog.pg_attribute
    on pg_attribute.attrelid = pg_index.indrelid
    and pg_attribute.attnum = key_columns.attnum
  where pg_index.indrelid = p_table
  and pg_index.indisprimary
  and pg_attribute.attname <> 'tenant_id';
end;
comment on function app_private.record_key(oid, jsonb) is
  'The primary key of a row but for its tenant; null when that is all of it.';
revoke all on function app_private.record_key(oid, jsonb) from public;
grant execute on function app_private.record_key(oid, jsonb) to app_definer;

/*
 * The trigger that writes the log: "after insert or update or delete … for each row execute function
 * app_private.tg__audit()". Its arguments are columns to leave out. security definer, because nobody
 * may write the log; all it does is one insert, for the tenant of the row that changed.
 */
create or replace function app_private.tg__audit()
  returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_row jsonb := coalesce(v_new, v_old);
  v_user_id uuid := nullif(current_setting('app.current_user_id', true), '');
  v_key_id uuid := nullif(current_setting('app.api_key_id', true), '');
  v_request jsonb := nullif(current_setting('app.request', true), '');
  /* Without arguments it is null, not empty. */
  v_left_out text[] := array['tenant_id'] || coalesce(tg_argv, '{}');
  v_changes jsonb;
begin
  select jsonb_object_agg(columns.name, jsonb_build_array(v_old -> columns.name, v_new -> columns.name))
  into v_changes
  from jsonb_object_keys(v_row) as columns (name)
  where coalesce(v_old -> columns.name, 'null') <> coalesce(v_new -> columns.name, 'null')
  and columns.name <> all (v_left_out);
  if v_changes is null and tg_op = 'UPDATE' then
    return null;
  end if;

  insert into app_public.audit_entries (
    tenant_id, actor_kind, actor_id, action, table_name, record_id, changes, ip, request_id
  )
  select
    tenants.id,
    case
      when v_key_id is not null then 'api_key'
      when v_user_id is not null then 'user'
      else 'system'
    end,
    coalesce(v_key_id, v_user_id),
    lower(tg_op),
    tg_table_name,
    left(coalesce(v_row ->> 'id', app_private.record_key(tg_relid, v_row)), 200),
    coalesce(v_changes, '{}'),
    v_request ->> 'ip',
    v_request ->> 'requestId'
  /* A tenant that is being deleted takes its log along. */
  from app_public.tenants
  where tenants.id = coalesce(v_row ->> 'tenant_id', v_row ->> 'id')::uuid;
  return null;
end;
$$;
comment on function app_private.tg__audit() is
  'Writes the audit log; arguments name columns that must not be in it.';
alter function app_private.tg__audit() owner to app_definer;
revoke all on function app_private.tg__audit() from public;

/*
 * security definer: policies show a person nobody but themselves. The entry is looked up under the
 * policy above, so that only names in the caller's own log come back, whatever row was handed in.
 */
create or replace function app_public.audit_entries_actor_name(entry app_public.audit_entries)
  returns text
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select coalesce(users.name, api_keys.name)
  from app_public.audit_entries
  left join app_public.users
    on audit_entries.actor_kind = 'user' and users.id = audit_entries.actor_id
  left join app_public.api_keys
    on audit_entries.actor_kind = 'api_key'
    and api_keys.tenant_id = audit_entries.tenant_id
    and api_keys.id = audit_entries.actor_id
  where audit_entries.tenant_id = audit_entries_actor_name.entry.tenant_id
  and audit_entries.id = audit_entries_actor_name.entry.id;
end;
comment on function app_public.audit_entries_actor_name(app_public.audit_entries) is
  'What the person or the API key is called now; null for the system.';
alter function app_public.audit_entries_actor_name(app_public.audit_entries) owner to app_definer;
revoke all on function app_public.audit_entries_actor_name(app_public.audit_entries) from public;
grant execute on function app_public.audit_entries_actor_name(app_public.audit_entries) to app_user;
--! EndIncluded 35_audit_log/functions.sql
--! Included 35_audit_log/triggers.sql
create or replace trigger _900_audit
  after insert or update or delete on app_public.tenants
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.memberships
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.invitations
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.api_keys
  for each row execute function app_private.tg__audit();
--! EndIncluded 35_audit_log/triggers.sql

--! Included 40_usage/tables.sql
create table if not exists app_private.feature_overrides (
  tenant_id   uuid        not null,
  feature_key text        not null,
  is_enabled  boolean     not null default true,
  quota       bigint,
  expires_at  timestamptz,
  created_at  timestamptz not null default now(),
  constraint feature_overrides_pkey primary key (tenant_id, feature_key),
  constraint feature_overrides_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint feature_overrides_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint feature_overrides_quota_not_negative check (quota >= 0)
);
comment on table app_private.feature_overrides is
  'What one tenant was granted apart from its plan. Replaces the plan''s row while it lasts.';
comment on column app_private.feature_overrides.quota is 'As in plan_features; null means no limit.';
comment on column app_private.feature_overrides.expires_at is 'Null means until it is deleted.';
/* Serves the foreign key. */
create index if not exists feature_overrides_feature_idx
  on app_private.feature_overrides (feature_key, tenant_id);

create table if not exists app_private.usage_counters (
  tenant_id    uuid        not null,
  feature_key  text        not null,
  period_start timestamptz not null,
  used         bigint      not null default 0,
  constraint usage_counters_pkey primary key (tenant_id, feature_key, period_start),
  constraint usage_counters_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint usage_counters_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint usage_counters_used_not_negative check (used >= 0)
);
comment on table app_private.usage_counters is
  'How much of a metered feature a tenant has used in a billing period.';
/* Serves the foreign key. */
create index if not exists usage_counters_feature_idx
  on app_private.usage_counters (feature_key, tenant_id);

create table if not exists app_private.usage_records (
  tenant_id       uuid        not null,
  feature_key     text        not null,
  idempotency_key text        not null,
  amount          integer     not null,
  created_at      timestamptz not null default now(),
  constraint usage_records_pkey primary key (tenant_id, feature_key, idempotency_key),
  constraint usage_records_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint usage_records_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint usage_records_idempotency_key_bounded
    check (char_length(idempotency_key) between 1 and 200),
  constraint usage_records_amount_bounded check (amount between 1 and 1000000)
);
comment on table app_private.usage_records is
  'Each use that was counted, by the caller''s key, so that a repeated call counts once.';
/* Serves the foreign key. */
create index if not exists usage_records_feature_idx
  on app_private.usage_records (feature_key, tenant_id);
--! EndIncluded 40_usage/tables.sql
--! Included 40_usage/access.sql
revoke all on app_private.feature_overrides, app_private.usage_counters, app_private.usage_records
  from public, app_user, app_anonymous, app_worker, app_definer;
/* The entitlements view runs with its reader's rights. */
grant select on app_private.feature_overrides, app_private.usage_counters to app_user, app_definer;
/* Nobody counts but consume_feature: a tenant can't lower what it used. */
grant insert, update (used) on app_private.usage_counters to app_definer;
grant select, insert on app_private.usage_records to app_definer;
--! EndIncluded 40_usage/access.sql
--! Included 40_usage/policies.sql
alter table app_private.feature_overrides enable row level security;
alter table app_private.feature_overrides force row level security;
drop policy if exists select_member on app_private.feature_overrides;
create policy select_member on app_private.feature_overrides
  for select to app_user, app_definer using (tenant_id = app_private.member_tenant_id());

alter table app_private.usage_counters enable row level security;
alter table app_private.usage_counters force row level security;
drop policy if exists select_member on app_private.usage_counters;
create policy select_member on app_private.usage_counters
  for select to app_user, app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists insert_tenant on app_private.usage_counters;
create policy insert_tenant on app_private.usage_counters
  for insert to app_definer with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists update_tenant on app_private.usage_counters;
create policy update_tenant on app_private.usage_counters
  for update to app_definer
  using      (tenant_id = app_private.writable_tenant_id())
  with check (tenant_id = app_private.writable_tenant_id());

alter table app_private.usage_records enable row level security;
alter table app_private.usage_records force row level security;
drop policy if exists select_member on app_private.usage_records;
create policy select_member on app_private.usage_records
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists insert_tenant on app_private.usage_records;
create policy insert_tenant on app_private.usage_records
  for insert to app_definer with check (tenant_id = app_private.writable_tenant_id());
--! EndIncluded 40_usage/policies.sql
--! Included 40_usage/functions.sql
/*
 * How many of a counted feature exist now. A feature of kind "count" gets its line here: it is the
 * one place that knows which rows it counts.
 *
 * security definer, because the number is the tenant's own business whoever asks: an API key that
 * may not read the members is told the same as an owner. Of any other tenant it counts nothing.
 */
create or replace function app_private.count_used(p_tenant_id uuid, p_feature_key text)
  returns bigint
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select case p_feature_key
    when 'seats' then (
      select count(*)
      from app_public.memberships
      where memberships.tenant_id = p_tenant_id
      and memberships.tenant_id = app_private.member_tenant_id()
    )
  end;
end;
comment on function app_private.count_used(uuid, text) is
  'How many the entered tenant has of a feature of kind "count"; null for any other feature.';
alter function app_private.count_used(uuid, text) owner to app_definer;
revoke all on function app_private.count_used(uuid, text) from public;
grant execute on function app_private.count_used(uuid, text) to app_user, app_definer;

/*
 * Numbers leave as double precision, exact up to 2^53: GraphQL then has numbers, where bigint would
 * give strings.
 */
create or replace view app_public.entitlements with (security_invoker = true) as
  select
    features.key as feature,
    features.kind,
    grants.enabled,
    case when features.kind <> 'boolean' then grants.quota::double precision end as "limit",
    usage.used::double precision as used,
    /* greatest() passes over nulls, and no limit must not become nothing left. */
    case when features.kind <> 'boolean' and grants.quota is not null
      then greatest(grants.quota - usage.used, 0)::double precision
    end as remaining,
    case when features.kind = 'metered' then period.ends_at end as resets_at
  from app_public.tenants
  cross join app_public.features
  left join app_public.plan_features
    on plan_features.plan_key = tenants.plan and plan_features.feature_key = features.key
  left join app_private.feature_overrides
    on feature_overrides.tenant_id = tenants.id
    and feature_overrides.feature_key = features.key
    and (feature_overrides.expires_at is null or feature_overrides.expires_at > now())
  cross join lateral (
    select
      coalesce(tenants.current_period_start, date_trunc('month', now(), 'UTC')) as starts_at,
      coalesce(
        tenants.current_period_end, date_trunc('month', now(), 'UTC') + interval '1 month'
      ) as ends_at
  ) as period
  cross join lateral (
    select
      tenants.access <> 'none'
      and coalesce(feature_overrides.is_enabled, plan_features.is_enabled, false) as enabled
  ) as decision
  cross join lateral (
    select
      decision.enabled,
      case
        when not decision.enabled then 0
        when feature_overrides.feature_key is not null then feature_overrides.quota
        else plan_features.quota
      end as quota
  ) as grants
  left join app_private.usage_counters
    on usage_counters.tenant_id = tenants.id
    and usage_counters.feature_key = features.key
    and usage_counters.period_start = period.starts_at
  cross join lateral (
    select case features.kind
      when 'metered' then coalesce(usage_counters.used, 0)
      when 'count' then app_private.count_used(tenants.id, features.key)
    end as used
  ) as usage
  where tenants.id = app_private.member_tenant_id();
comment on view app_public.entitlements is
  'What the current tenant may use: its plan, its overrides, and what it has used. While it has '
  'no access, nothing is enabled.';
comment on column app_public.entitlements.feature is 'The feature''s key.';
comment on column app_public.entitlements.limit is
  'The most it may have or use; null means no limit, and always null for a boolean feature.';
comment on column app_public.entitlements.used is 'Null for a boolean feature.';
comment on column app_public.entitlements.remaining is
  'limit - used, never below 0; null means no limit, and always null for a boolean feature.';
comment on column app_public.entitlements.resets_at is
  'When used starts again at 0; null unless the feature is metered.';
revoke all on app_public.entitlements from public, app_user, app_anonymous, app_definer;
grant select on app_public.entitlements to app_user, app_definer;

create or replace function app_public.tenant_has_feature(feature text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.entitlements
    where entitlements.feature = tenant_has_feature.feature
    and entitlements.enabled
  );
end;
comment on function app_public.tenant_has_feature(text) is
  'Whether the current tenant has this feature now.';
revoke all on function app_public.tenant_has_feature(text) from public;
grant execute on function app_public.tenant_has_feature(text) to app_user, app_definer;

/*
 * security definer: counters are not the tenant's to write. Everything it touches is bound to the
 * entered tenant by app_definer's own policies.
 */
create or replace function app_public.consume_feature(
  feature text,
  amount integer,
  idempotency_key text
)
  returns app_public.entitlements
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_entitlement app_public.entitlements;
  v_period_start timestamptz;
  v_recorded integer;
begin
  if consume_feature.amount is null or consume_feature.amount not between 1 and 1000000 then
    raise exception '"amount" must be a whole number from 1 to 1,000,000'
      using errcode = 'INPUT';
  end if;
  if coalesce(char_length(consume_feature.idempotency_key), 0) not between 1 and 200 then
    raise exception '"idempotencyKey" must have 1 to 200 characters'
      using errcode = 'INPUT';
  end if;

  select entitlements.* into v_entitlement
  from app_public.entitlements
  where entitlements.feature = consume_feature.feature
  and entitlements.kind = 'metered';
  if not found then
    raise exception 'There is no metered feature of that name'
      using errcode = 'INPUT',
            hint    = 'The query "entitlements" lists the features.';
  elsif not v_entitlement.enabled then
    raise exception 'The plan does not include this feature'
      using errcode = 'FEATR',
            detail  = json_build_object('feature', consume_feature.feature)::text,
            hint    = 'Move to a larger plan.';
  end if;

  insert into app_private.usage_records (tenant_id, feature_key, idempotency_key, amount)
  values (
    v_tenant_id, consume_feature.feature, consume_feature.idempotency_key, consume_feature.amount
  )
  on conflict do nothing;

  if found then
    select coalesce(tenants.current_period_start, date_trunc('month', now(), 'UTC'))
    into v_period_start
    from app_public.tenants
    where tenants.id = v_tenant_id;

    /* The row's lock orders concurrent calls, and the last condition sees what they left. */
    insert into app_private.usage_counters as counters (tenant_id, feature_key, period_start, used)
    select v_tenant_id, consume_feature.feature, v_period_start, consume_feature.amount
    where v_entitlement."limit" is null or consume_feature.amount <= v_entitlement."limit"
    on conflict (tenant_id, feature_key, period_start) do update
      set used = counters.used + excluded.used
      where v_entitlement."limit" is null
      or counters.used + excluded.used <= v_entitlement."limit";
    if not found then
      /* Read again: others may have counted since, and the refusal must tell what stands now. */
      select entitlements.* into v_entitlement
      from app_public.entitlements
      where entitlements.feature = consume_feature.feature;
      raise exception 'This would exceed what the plan allows'
        using errcode = 'QUOTA',
              detail  = json_build_object(
                          'feature', consume_feature.feature,
                          'limit', v_entitlement."limit",
                          'used', v_entitlement.used,
                          'resetsAt', v_entitlement.resets_at
                        )::text,
              hint    = 'Wait for the next period or move to a larger plan.';
    end if;
  else
    select usage_records.amount into v_recorded
    from app_private.usage_records
    where usage_records.tenant_id = v_tenant_id
    and usage_records.feature_key = consume_feature.feature
    and usage_records.idempotency_key = consume_feature.idempotency_key;
    if v_recorded is distinct from consume_feature.amount then
      raise exception 'This idempotency key was used with another amount'
        using errcode = 'CNFLT';
    end if;
  end if;

  select entitlements.* into v_entitlement
  from app_public.entitlements
  where entitlements.feature = consume_feature.feature;
  return v_entitlement;
end;
$$;
comment on function app_public.consume_feature(text, integer, text) is
  'Uses some of a metered feature, at most once for each idempotency key, never beyond the limit. '
  'Errors: LIMIT_EXCEEDED { feature, limit, used, resetsAt }, FEATURE_NOT_IN_PLAN, CONFLICT.';
alter function app_public.consume_feature(text, integer, text) owner to app_definer;
revoke all on function app_public.consume_feature(text, integer, text) from public;
grant execute on function app_public.consume_feature(text, integer, text) to app_user;
--! EndIncluded 40_usage/functions.sql

--! Included 50_billing/tables.sql
create table if not exists app_public.billing_accounts (
  tenant_id              uuid        not null,
  stripe_customer_id     text,
  stripe_subscription_id text,
  client_secret          text,
  created_at             timestamptz not null default now(),
  constraint billing_accounts_pkey primary key (tenant_id),
  constraint billing_accounts_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_accounts_stripe_customer_key unique (stripe_customer_id),
  constraint billing_accounts_stripe_customer_bounded
    check (char_length(stripe_customer_id) <= 255),
  constraint billing_accounts_stripe_subscription_bounded
    check (char_length(stripe_subscription_id) <= 255),
  constraint billing_accounts_client_secret_bounded check (char_length(client_secret) <= 1000)
);
comment on table app_public.billing_accounts is
  'Where a tenant stands at Stripe. For those whose role may manage billing.';
comment on column app_public.billing_accounts.stripe_subscription_id is
  'The subscription that decides the tenant''s access; null before there is one.';
comment on column app_public.billing_accounts.client_secret is
  'For Stripe.js to confirm the payment that is due; null when none is.';
comment on constraint billing_accounts_tenant_fkey on app_public.billing_accounts is
  E'@fieldName tenant\n@foreignSingleFieldName billing';

create table if not exists app_private.billing_intents (
  tenant_id              uuid        not null,
  id                     uuid        not null default uuidv7(),
  customer_email         text        not null,
  customer_name          text        not null,
  price_lookup_key       text        not null,
  stripe_price_id        text,
  stripe_subscription_id text,
  first_attempt_at       timestamptz,
  is_in_doubt            boolean     not null default false,
  key_generation         smallint    not null default 0,
  completed_at           timestamptz,
  created_at             timestamptz not null default now(),
  failed_at              timestamptz,
  failure                text,
  constraint billing_intents_pkey primary key (tenant_id, id),
  constraint billing_intents_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_intents_customer_email_bounded check (char_length(customer_email) <= 320),
  constraint billing_intents_customer_name_bounded check (char_length(customer_name) <= 100),
  constraint billing_intents_price_lookup_key_bounded check (char_length(price_lookup_key) <= 60),
  constraint billing_intents_failure_bounded check (char_length(failure) <= 1000),
  constraint billing_intents_ends_one_way check (completed_at is null or failed_at is null)
);
comment on table app_private.billing_intents is
  'A wish to subscribe, with the parameters of its calls to Stripe frozen: whoever repeats a call '
  'repeats it word for word, under the idempotency key made of the intent''s id.';
comment on column app_private.billing_intents.stripe_price_id is
  'Found when first needed, then frozen like the rest.';
comment on column app_private.billing_intents.first_attempt_at is
  'Stripe forgets idempotency keys after 24 h; from 23 h on it is searched before it is asked. Of a '
  'wish that is older than that when it is first attempted: when it was made.';
comment on column app_private.billing_intents.is_in_doubt is
  'Stripe answered 5xx: it may have done what was asked. The next attempt searches first.';
comment on column app_private.billing_intents.key_generation is
  'Part of the idempotency keys. Counts up when Stripe was searched and had nothing, because it '
  'goes on answering 500 to a key that it once answered so.';
comment on column app_private.billing_intents.failed_at is
  'Stripe refused, and would refuse the same words again: only another intent can go on. Null while '
  'it is open, and when it is completed.';
comment on column app_private.billing_intents.failure is 'What Stripe said; null unless it failed.';
/* At most one open wish a tenant, whoever races. */
create unique index if not exists billing_intents_one_open
  on app_private.billing_intents (tenant_id) where completed_at is null and failed_at is null;

create table if not exists app_private.stripe_events (
  id           text        not null,
  type         text        not null,
  object_type  text,
  object_id    text,
  customer_id  text,
  account_id   text,
  livemode     boolean     not null,
  api_version  text,
  status       text        not null,
  reason       text,
  payload      json        not null,
  created_at   timestamptz not null,
  received_at  timestamptz not null default now(),
  received_seq bigint      not null,
  processed_at timestamptz,
  constraint stripe_events_pkey primary key (id),
  constraint stripe_events_id_bounded check (char_length(id) between 1 and 255),
  constraint stripe_events_type_bounded check (char_length(type) between 1 and 255),
  constraint stripe_events_object_type_bounded check (char_length(object_type) <= 255),
  constraint stripe_events_object_bounded check (char_length(object_id) <= 255),
  constraint stripe_events_customer_bounded check (char_length(customer_id) <= 255),
  constraint stripe_events_account_bounded check (char_length(account_id) <= 255),
  constraint stripe_events_api_version_bounded check (char_length(api_version) <= 255),
  constraint stripe_events_reason_bounded check (char_length(reason) <= 1000),
  constraint stripe_events_status_known check (
    status in (
      'pending', 'processed', 'ignored', 'ignored_mode', 'foreign', 'failed', 'dismissed'
    )
  )
);
comment on table app_private.stripe_events is
  'The inbox: every webhook event whose signature was good, once.';
comment on column app_private.stripe_events.id is
  'The snapshot event''s, also when its thin twin came: the two are one.';
comment on column app_private.stripe_events.type is
  'As snapshot events name it, without the "v1." of thin ones.';
comment on column app_private.stripe_events.object_id is
  'What it is about; null for what has no id, such as an invoice to come.';
comment on column app_private.stripe_events.customer_id is
  'Whom it is about; null until that was asked of Stripe, when the event does not say.';
comment on column app_private.stripe_events.account_id is
  'The connected account, or the one within an organization; null for the endpoint''s own.';
comment on column app_private.stripe_events.payload is
  'As Stripe sent it. Nothing is ever decided by it: its age is unknown.';
comment on column app_private.stripe_events.created_at is
  'When Stripe made it, to the second: says nothing about order.';
comment on column app_private.stripe_events.received_seq is
  'Taken from stripe_sync_seq on arrival: a sync with a higher number has seen what it tells of.';
comment on column app_private.stripe_events.status is
  'pending: waits for its customer''s sync. processed: what it told of was read and written. ignored: '
  'of no interest. ignored_mode: of Stripe''s other mode (test or live). foreign: about a customer or '
  'an account that is not ours. failed: given up; an alarm tells of it. dismissed: by an operator.';
comment on column app_private.stripe_events.reason is
  'Why it is ignored, foreign or failed.';
/* Serves: what is still to be done for a customer, and whether one was met before as foreign. */
create index if not exists stripe_events_open_idx
  on app_private.stripe_events (customer_id, status)
  where status in ('pending', 'failed', 'foreign');
/* Serves: the newest first, and what is old enough to be forgotten. */
create index if not exists stripe_events_received_idx
  on app_private.stripe_events (received_at);

create table if not exists app_private.stripe_customers (
  tenant_id           uuid        not null,
  id                  text        not null,
  is_deleted          boolean     not null default false,
  sync_seq            bigint      not null default 0,
  synced_at           timestamptz,
  active_entitlements text[]      not null default '{}',
  constraint stripe_customers_pkey primary key (tenant_id, id),
  constraint stripe_customers_id_key unique (id),
  constraint stripe_customers_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint stripe_customers_id_bounded check (char_length(id) between 1 and 255)
);
comment on table app_private.stripe_customers is
  'Which tenant each Stripe customer is, and how fresh our copy of its subscriptions is.';
comment on column app_private.stripe_customers.sync_seq is
  'Taken from stripe_sync_seq before the fetch that was written last. Only a higher one may write.';
comment on column app_private.stripe_customers.active_entitlements is
  'Lookup keys of the features that Stripe says the customer has. What a tenant may use is decided '
  'by its plan here (plan_features); this is for comparing.';

create table if not exists app_private.stripe_subscriptions (
  tenant_id                 uuid        not null,
  id                        text        not null,
  customer_id               text        not null,
  status                    text        not null,
  plan_key                  text,
  current_period_start      timestamptz,
  current_period_end        timestamptz,
  cancel_at                 timestamptz,
  past_due_since            timestamptz,
  client_secret             text,
  created_at                timestamptz not null,
  grace_ends_at             timestamptz,
  trial_end                 timestamptz,
  ended_at                  timestamptz,
  cancellation_reason       text,
  pause_reason              text,
  pause_collection          text,
  pending_update_expires_at timestamptz,
  schedule_id               text,
  price_id                  text,
  quantity                  bigint,
  items                     jsonb       not null default '[]',
  known_status              text,
  unknown_since             timestamptz,
  constraint stripe_subscriptions_pkey primary key (tenant_id, id),
  constraint stripe_subscriptions_customer_fkey
    foreign key (tenant_id, customer_id) references app_private.stripe_customers (tenant_id, id)
    on delete cascade,
  constraint stripe_subscriptions_plan_fkey
    foreign key (plan_key) references app_public.plans (key)
);
comment on table app_private.stripe_subscriptions is
  'All subscriptions of our customers, as Stripe last told them.';
comment on column app_private.stripe_subscriptions.status is 'In Stripe''s words, known or not.';
comment on column app_private.stripe_subscriptions.plan_key is
  'The plan its price belongs to; null when no price of ours is among its items.';
comment on column app_private.stripe_subscriptions.current_period_end is
  'The earliest among its items: when the next invoice comes.';
comment on column app_private.stripe_subscriptions.past_due_since is
  'When the oldest invoice of the debt that runs was finalised, or due where it had been sent to be '
  'paid within some weeks; null when nothing is overdue.';
comment on column app_private.stripe_subscriptions.grace_ends_at is
  'Until when what it granted is kept: fixed when past_due_since or unknown_since was first seen, by '
  'the grace period configured then. Null when nothing is overdue and its status is known.';
comment on column app_private.stripe_subscriptions.cancellation_reason is
  'Why it was canceled, in Stripe''s words, e.g. payment_disputed.';
comment on column app_private.stripe_subscriptions.pause_reason is
  'Why it is paused, in Stripe''s words, e.g. trial_end_without_payment_method.';
comment on column app_private.stripe_subscriptions.pause_collection is
  'What becomes of its invoices while no payments are collected; null while they are.';
comment on column app_private.stripe_subscriptions.pending_update_expires_at is
  'When a change that waits for its payment lapses; null when none waits.';
comment on column app_private.stripe_subscriptions.schedule_id is
  'The schedule that changes it; null when it may be changed directly.';
comment on column app_private.stripe_subscriptions.price_id is
  'The price of the item that plan_key was found by, of which there are "quantity".';
comment on column app_private.stripe_subscriptions.items is
  'All its items: [{ id, price_id, product_id, lookup_key, quantity, unit_amount_decimal, currency, '
  'interval, interval_count, usage_type, current_period_start, current_period_end }]. '
  'unit_amount_decimal is text, exact to the last digit.';
comment on column app_private.stripe_subscriptions.known_status is
  'The last status that we know the meaning of; null when there was none.';
comment on column app_private.stripe_subscriptions.unknown_since is
  'When a status was first seen that we don''t know the meaning of; null while we do.';
/* Serves: a customer's subscriptions (and the foreign key). */
create index if not exists stripe_subscriptions_customer_idx
  on app_private.stripe_subscriptions (tenant_id, customer_id);
/* Serves the foreign key. */
create index if not exists stripe_subscriptions_plan_idx
  on app_private.stripe_subscriptions (plan_key, tenant_id);

create sequence if not exists app_private.stripe_sync_seq;
comment on sequence app_private.stripe_sync_seq is
  'Orders fetches from Stripe: taken before the fetch, compared at the write.';
--! EndIncluded 50_billing/tables.sql
--! Included 50_billing/access.sql
revoke all on app_public.billing_accounts
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select (tenant_id, stripe_customer_id, stripe_subscription_id, client_secret, created_at)
  on app_public.billing_accounts to app_user;
grant insert on app_public.billing_accounts to app_definer;
grant select, update (stripe_customer_id, stripe_subscription_id, client_secret)
  on app_public.billing_accounts to app_worker;

revoke all
  on app_private.billing_intents, app_private.stripe_events,
    app_private.stripe_customers, app_private.stripe_subscriptions
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert on app_private.billing_intents to app_definer;
grant
  select, insert,
  update (
    stripe_price_id, stripe_subscription_id, first_attempt_at,
    is_in_doubt, key_generation, completed_at, failed_at, failure
  )
  on app_private.billing_intents to app_worker;

grant select, insert on app_private.stripe_events to app_definer;
grant select, delete, update (status, reason, customer_id, processed_at)
  on app_private.stripe_events to app_worker;

grant select, insert, update (is_deleted, sync_seq, synced_at, active_entitlements)
  on app_private.stripe_customers to app_worker;
grant select, insert, update, delete on app_private.stripe_subscriptions to app_worker;

revoke all on sequence app_private.stripe_sync_seq from public, app_worker, app_definer;
grant usage on sequence app_private.stripe_sync_seq to app_worker, app_definer;
--! EndIncluded 50_billing/access.sql
--! Included 50_billing/policies.sql
alter table app_public.billing_accounts enable row level security;
alter table app_public.billing_accounts force row level security;
drop policy if exists select_manager on app_public.billing_accounts;
create policy select_manager on app_public.billing_accounts
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists insert_definer on app_public.billing_accounts;
create policy insert_definer on app_public.billing_accounts
  for insert to app_definer with check (true);
/* Requests (55_billing_requests) ask by definer functions whether there is anything to change. */
drop policy if exists select_definer on app_public.billing_accounts;
create policy select_definer on app_public.billing_accounts
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists select_worker on app_public.billing_accounts;
create policy select_worker on app_public.billing_accounts
  for select to app_worker using (true);
drop policy if exists update_worker on app_public.billing_accounts;
create policy update_worker on app_public.billing_accounts
  for update to app_worker using (true) with check (true);

alter table app_private.billing_intents enable row level security;
alter table app_private.billing_intents force row level security;
drop policy if exists insert_definer on app_private.billing_intents;
create policy insert_definer on app_private.billing_intents
  for insert to app_definer with check (true);
drop policy if exists select_definer on app_private.billing_intents;
create policy select_definer on app_private.billing_intents
  for select to app_definer using (true);
drop policy if exists select_worker on app_private.billing_intents;
create policy select_worker on app_private.billing_intents
  for select to app_worker using (true);
drop policy if exists insert_worker on app_private.billing_intents;
create policy insert_worker on app_private.billing_intents
  for insert to app_worker with check (true);
drop policy if exists update_worker on app_private.billing_intents;
create policy update_worker on app_private.billing_intents
  for update to app_worker using (true) with check (true);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;
drop policy if exists select_system on app_private.stripe_events;
create policy select_system on app_private.stripe_events
  for select to app_definer, app_worker using (true);
drop policy if exists insert_definer on app_private.stripe_events;
create policy insert_definer on app_private.stripe_events
  for insert to app_definer with check (true);
drop policy if exists update_worker on app_private.stripe_events;
create policy update_worker on app_private.stripe_events
  for update to app_worker using (true) with check (true);
drop policy if exists delete_worker on app_private.stripe_events;
create policy delete_worker on app_private.stripe_events
  for delete to app_worker using (true);

alter table app_private.stripe_customers enable row level security;
alter table app_private.stripe_customers force row level security;
drop policy if exists all_worker on app_private.stripe_customers;
create policy all_worker on app_private.stripe_customers
  for all to app_worker using (true) with check (true);

alter table app_private.stripe_subscriptions enable row level security;
alter table app_private.stripe_subscriptions force row level security;
drop policy if exists select_definer on app_private.stripe_subscriptions;
create policy select_definer on app_private.stripe_subscriptions
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists all_worker on app_private.stripe_subscriptions;
create policy all_worker on app_private.stripe_subscriptions
  for all to app_worker using (true) with check (true);
--! EndIncluded 50_billing/policies.sql
--! Included 50_billing/invoices.sql
create table if not exists app_public.invoices (
  tenant_id               uuid             not null,
  id                      text             not null,
  subscription_id         text,
  number                  text,
  status                  text             not null,
  billing_reason          text,
  attempt_count           integer          not null,
  next_payment_attempt_at timestamptz,
  currency                text             not null,
  amount_due              double precision not null,
  amount_paid             double precision not null,
  amount_remaining        double precision not null,
  hosted_invoice_url      text,
  invoice_pdf_url         text,
  period_start            timestamptz      not null,
  period_end              timestamptz      not null,
  finalized_at            timestamptz,
  paid_at                 timestamptz,
  created_at              timestamptz      not null,
  customer_id             text,
  constraint invoices_pkey primary key (tenant_id, id),
  constraint invoices_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint invoices_id_bounded check (char_length(id) between 1 and 255),
  constraint invoices_customer_bounded check (char_length(customer_id) <= 255),
  constraint invoices_subscription_bounded check (char_length(subscription_id) <= 255),
  constraint invoices_number_bounded check (char_length(number) <= 255),
  constraint invoices_status_bounded check (char_length(status) <= 100),
  constraint invoices_billing_reason_bounded check (char_length(billing_reason) <= 100),
  constraint invoices_currency_bounded check (char_length(currency) <= 20),
  constraint invoices_hosted_url_bounded check (char_length(hosted_invoice_url) <= 5000),
  constraint invoices_pdf_url_bounded check (char_length(invoice_pdf_url) <= 5000)
);
comment on table app_public.invoices is
  E'@defaultOrder CREATED_AT_DESC\n'
  'What Stripe has asked the tenant to pay, newest first. For those whose role may manage billing. '
  'Drafts are not among them: nobody owes those yet.';
comment on column app_public.invoices.id is 'Stripe''s id of the invoice.';
comment on column app_public.invoices.subscription_id is
  'Stripe''s id of the subscription it is for; null when it is for none.';
comment on column app_public.invoices.customer_id is
  E'@behavior -*\n'
  'Stripe''s id of the customer who owes it: of the tenant''s present one, or of one deleted since.';
comment on column app_public.invoices.number is 'What is printed on it.';
comment on column app_public.invoices.status is
  'In Stripe''s words: open (to be paid), paid, void, uncollectible.';
comment on column app_public.invoices.billing_reason is
  'Why it was made, in Stripe''s words, e.g. subscription_create, subscription_cycle.';
comment on column app_public.invoices.attempt_count is 'How often payment was tried.';
comment on column app_public.invoices.next_payment_attempt_at is
  'When Stripe will try again by itself; null when it will not.';
comment on column app_public.invoices.currency is
  'ISO 4217, in lower case; the amounts are in its smallest unit.';
comment on column app_public.invoices.hosted_invoice_url is
  'Stripe''s page of it, where it is paid while it is open.';
comment on column app_public.invoices.invoice_pdf_url is 'Where it is downloaded.';
comment on column app_public.invoices.paid_at is 'Null until it is paid.';
comment on constraint invoices_tenant_fkey on app_public.invoices is
  E'@fieldName tenant\n@foreignFieldName invoices';
/* Serves: the newest of a tenant's. */
create index if not exists invoices_created_idx
  on app_public.invoices (tenant_id, created_at desc, id);

alter table app_public.invoices enable row level security;
alter table app_public.invoices force row level security;
drop policy if exists select_manager on app_public.invoices;
create policy select_manager on app_public.invoices
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists all_worker on app_public.invoices;
create policy all_worker on app_public.invoices
  for all to app_worker using (true) with check (true);

revoke all on app_public.invoices from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody writes them but the sync; nobody deletes one, however old. */
grant select on app_public.invoices to app_user;
grant
  select, insert,
  update (
    customer_id, subscription_id, number, status, billing_reason, attempt_count, next_payment_attempt_at,
    currency, amount_due, amount_paid, amount_remaining, hosted_invoice_url, invoice_pdf_url,
    period_start, period_end, finalized_at, paid_at
  )
  on app_public.invoices to app_worker;
--! EndIncluded 50_billing/invoices.sql
--! Included 50_billing/access_rules.sql
/*
 * What a subscription's status means for its tenant: one table, to be read and tested as one. Some
 * mean something else under a circumstance, which subscription_outcome finds; '' is any other.
 */
create or replace function app_private.subscription_meanings()
  returns table (
    stripe_status text, circumstance text, status text, access text, access_reason text
  )
  language sql immutable parallel safe
begin atomic
  select meanings.*
  from (
    values
      ('incomplete',         '',              'incomplete', 'none',      'awaiting_payment'),
      ('incomplete_expired', '',              'incomplete', 'none',      'payment_expired'),
      ('trialing',           '',              'trialing',   'full',      'trial'),
      ('active',             '',              'active',     'full',      'paid'),
      ('active',             'not_collected', 'active',     'full',      'collection_paused'),
      ('past_due',           'in_grace',      'past_due',   'full',      'payment_failed'),
      ('past_due',           '',              'suspended',  'none',      'grace_ended'),
      ('unpaid',             '',              'suspended',  'none',      'unpaid'),
      ('paused',             'by_choice',     'suspended',  'read_only', 'paused'),
      ('paused',             '',              'suspended',  'none',      'unpaid'),
      ('canceled',           '',              'suspended',  'none',      'canceled'),
      ('canceled',           'unpaid',        'suspended',  'none',      'unpaid'),
      ('canceled',           'disputed',      'suspended',  'none',      'payment_disputed')
  ) as meanings (stripe_status, circumstance, status, access, access_reason);
end;
comment on function app_private.subscription_meanings() is
  'The tenant''s status, access and reason for each status of a subscription that is known.';

create or replace function app_private.unknown_status_grace()
  returns interval
  language sql immutable parallel safe
return interval '24 hours';
comment on function app_private.unknown_status_grace() is
  'How long a subscription keeps what it granted when Stripe gives it a status that we don''t know.';

/*
 * Pure. A status that Stripe adds tomorrow grants nothing new; what the last known one granted is
 * kept for a day, in which somebody can look.
 */
create or replace function app_private.subscription_outcome(
  p_subscription app_private.stripe_subscriptions,
  p_now timestamptz
)
  returns table (status text, access text, access_reason text, kept_until timestamptz)
  language sql immutable parallel safe
begin atomic
  with circumstances as (
    select
      case (p_subscription).known_status
        when 'active' then
          case when (p_subscription).pause_collection is not null then 'not_collected' end
        when 'past_due' then
          case when p_now < (p_subscription).grace_ends_at then 'in_grace' end
        when 'paused' then
          case
            when coalesce((p_subscription).pause_reason, 'pause_requested')
              in ('pause_requested', 'trial_end_without_payment_method')
            then 'by_choice'
          end
        when 'canceled' then
          case (p_subscription).cancellation_reason
            when 'payment_failed' then 'unpaid'
            when 'payment_disputed' then 'disputed'
          end
      end as circumstance,
      (p_subscription).unknown_since + app_private.unknown_status_grace() as kept_until
  )
  select
    coalesce(meanings.status, 'suspended'),
    coalesce(meanings.access, 'none'),
    case when circumstances.kept_until is null
      then meanings.access_reason
      else 'unknown_status'
    end,
    case when meanings.access <> 'none' then
      /* "least" passes over null: what ends first counts, of what there is. */
      least(
        circumstances.kept_until,
        case when meanings.circumstance = 'in_grace' then (p_subscription).grace_ends_at end
      )
    end
  from circumstances
  left join app_private.subscription_meanings() as meanings
    on meanings.stripe_status = (p_subscription).known_status
    and meanings.circumstance = coalesce(circumstances.circumstance, '')
    and coalesce(p_now < circumstances.kept_until, true);
end;
comment on function app_private.subscription_outcome(
  app_private.stripe_subscriptions, timestamptz
) is
  'What a subscription gives its tenant now. kept_until: when the clock takes it away; null when '
  'only Stripe can.';

/*
 * Decides by all of a tenant's subscriptions, never by the one in an event: an old one that ends
 * must not take away what a new one grants. Among those that grant the same, one that stands
 * firmly goes before one that is in its grace period, the larger plan before the smaller, the newer
 * before the older.
 */
create or replace function app_private.tenant_standing(p_tenant_id uuid, p_now timestamptz)
  returns table (
    status text,
    access text,
    access_reason text,
    grace_ends_at timestamptz,
    access_until timestamptz,
    plan_key text,
    current_period_start timestamptz,
    current_period_end timestamptz,
    cancel_at timestamptz,
    trial_ends_at timestamptz,
    subscription_id text,
    client_secret text
  )
  language sql stable parallel safe
begin atomic
  select
    outcome.status,
    outcome.access,
    outcome.access_reason,
    coalesce(outcome.kept_until, subscriptions.grace_ends_at),
    case when outcome.access <> 'none' then least(outcome.kept_until, subscriptions.cancel_at) end,
    subscriptions.plan_key,
    subscriptions.current_period_start,
    subscriptions.current_period_end,
    subscriptions.cancel_at,
    case when outcome.status = 'trialing' then subscriptions.trial_end end,
    case when not stripe_customers.is_deleted then subscriptions.id end,
    subscriptions.client_secret
  from app_private.stripe_subscriptions as subscriptions
  join app_private.stripe_customers
    on stripe_customers.tenant_id = subscriptions.tenant_id
    and stripe_customers.id = subscriptions.customer_id
  cross join lateral app_private.subscription_outcome(subscriptions, p_now) as outcome
  left join app_public.plans on plans.key = subscriptions.plan_key
  where subscriptions.tenant_id = p_tenant_id
  order by
    array_position(array['full', 'read_only', 'none'], outcome.access),
    subscriptions.status in ('canceled', 'incomplete_expired'),
    outcome.kept_until is not null,
    case when outcome.access <> 'none' then plans.position end desc nulls last,
    subscriptions.created_at desc,
    subscriptions.id desc
  limit 1;
end;
comment on function app_private.tenant_standing(uuid, timestamptz) is
  'What all of a tenant''s subscriptions together mean for it at a time; no row when it has none. '
  'grace_ends_at: when the clock takes its access away, or took it.';

revoke all on function
  app_private.subscription_meanings(),
  app_private.unknown_status_grace(),
  app_private.subscription_outcome(app_private.stripe_subscriptions, timestamptz),
  app_private.tenant_standing(uuid, timestamptz)
  from public;
grant execute on function
  app_private.subscription_meanings(),
  app_private.unknown_status_grace(),
  app_private.subscription_outcome(app_private.stripe_subscriptions, timestamptz),
  app_private.tenant_standing(uuid, timestamptz)
  to app_worker;
--! EndIncluded 50_billing/access_rules.sql
--! Included 50_billing/withdrawal.sql
/*
 * What is at Stripe and ought not to be: what was made twice, and what a closed tenant leaves. Each
 * is taken back by a job, booked in the transaction that finds it out.
 */
create or replace function app_private.discard_at_stripe(
  p_stripe_id text,
  p_tenant_id uuid,
  p_instead_of text
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  perform graphile_worker.add_job(
    'stripe_discard',
    json_build_object('stripe_id', p_stripe_id),
    job_key => 'stripe_discard:' || p_stripe_id
  );
  /* None counts when the tenant is closed or gone: that is no double. */
  if p_instead_of is not null then
    perform app_private.raise_alarm(
      case when p_stripe_id like 'cus%' then 'duplicate_customer' else 'duplicate_subscription' end,
      p_stripe_id,
      'Made at Stripe although the tenant had ' || p_instead_of || '; it is discarded there.',
      jsonb_build_object('tenant_id', p_tenant_id, 'counts', p_instead_of)
    );
  end if;
end;
$$;
comment on function app_private.discard_at_stripe(text, uuid, text) is
  'Has a customer deleted, or a subscription cancelled, that was made beside another.';

create or replace function app_private.is_wanted_at_stripe(p_stripe_id text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.billing_accounts
    where billing_accounts.stripe_customer_id = p_stripe_id
  ) or exists (
    select
    from app_private.billing_intents
    where billing_intents.stripe_subscription_id = p_stripe_id
  );
end;
comment on function app_private.is_wanted_at_stripe(text) is
  'Whether a tenant counts on this customer or subscription: then it is not to be discarded.';

create or replace function app_private.withdrawal_of_tenant(p_tenant_id uuid)
  returns table (
    status text,
    stripe_customer_id text,
    id uuid,
    customer_email text,
    created_at timestamptz
  )
  language sql stable parallel safe
begin atomic
  select
    tenants.status,
    billing_accounts.stripe_customer_id,
    billing_intents.id,
    billing_intents.customer_email,
    billing_intents.created_at
  from app_public.tenants
  join app_public.billing_accounts on billing_accounts.tenant_id = tenants.id
  join app_private.billing_intents on billing_intents.tenant_id = tenants.id
  where tenants.id = p_tenant_id;
end;
comment on function app_private.withdrawal_of_tenant(uuid) is
  'Where to look at Stripe for what a tenant has there: a row an intent, none when it is deleted.';

create or replace function app_private.request_withdrawal(
  p_tenant_id uuid,
  p_customer_ids text[] default '{}',
  p_search_at timestamptz default null
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /* The tenant's own queue: whatever is being made for it at Stripe is over when this runs. */
  select graphile_worker.add_job(
    'stripe_withdraw_tenant',
    json_build_object('tenant_id', p_tenant_id, 'customer_ids', p_customer_ids),
    queue_name => 'stripe_tenant:' || p_tenant_id,
    run_at => p_search_at,
    job_key => concat_ws(
      ':', 'stripe_withdraw_tenant', p_tenant_id, case when p_search_at is not null then 'search' end
    )
  );
end;
comment on function app_private.request_withdrawal(uuid, text[], timestamptz) is
  'Books the end of all that a closed or deleted tenant has at Stripe. p_customer_ids: what was known '
  'of a deleted one, as nothing here tells any more. p_search_at: books it once more, for then.';

create or replace function app_private.withdraw_if_closed(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.request_withdrawal(tenants.id)
  from app_public.tenants
  where tenants.id = p_tenant_id
  and tenants.status = 'closed';
end;
comment on function app_private.withdraw_if_closed(uuid) is
  'Ends what came to be at Stripe beside or after the closing of its tenant.';

revoke all on function
  app_private.discard_at_stripe(text, uuid, text),
  app_private.is_wanted_at_stripe(text),
  app_private.withdrawal_of_tenant(uuid),
  app_private.request_withdrawal(uuid, text[], timestamptz),
  app_private.withdraw_if_closed(uuid)
  from public;
grant execute on function
  app_private.discard_at_stripe(text, uuid, text),
  app_private.is_wanted_at_stripe(text),
  app_private.withdrawal_of_tenant(uuid),
  app_private.request_withdrawal(uuid, text[], timestamptz),
  app_private.withdraw_if_closed(uuid)
  to app_worker;
/* Whatever ends a billing request looks whether its tenant was closed meanwhile. */
grant execute on function
  app_private.request_withdrawal(uuid, text[], timestamptz),
  app_private.withdraw_if_closed(uuid)
  to app_definer;

create or replace function app_private.tg_tenants__withdraw()
  returns trigger
  language plpgsql volatile
as $$
declare
  v_customer_ids text[];
begin
  if tg_op = 'UPDATE' then
    perform app_private.request_withdrawal(old.id);
    return null;
  end if;

  /* With the row goes all that is known of it here; its metadata at Stripe may be anything by now. */
  v_customer_ids := array(
    select stripe_customers.id
    from app_private.stripe_customers
    where stripe_customers.tenant_id = old.id
    and not stripe_customers.is_deleted
    union
    select billing_accounts.stripe_customer_id
    from app_public.billing_accounts
    where billing_accounts.tenant_id = old.id
    and billing_accounts.stripe_customer_id is not null
    order by 1
  );
  perform app_private.request_withdrawal(old.id, v_customer_ids);
  /* What was made and never noted has to be searched for, and Stripe's search lags behind writes. */
  perform app_private.request_withdrawal(
    old.id, v_customer_ids, now() + interval '10 minutes'
  );
  return old;
end;
$$;
comment on function app_private.tg_tenants__withdraw() is
  'Has the subscriptions of a tenant that is closed or deleted cancelled at Stripe, and whatever was being made for it.';
revoke all on function app_private.tg_tenants__withdraw() from public;

create or replace trigger _500_withdraw_closed
  after update of status on app_public.tenants
  for each row when (new.status = 'closed' and old.status <> 'closed')
  execute function app_private.tg_tenants__withdraw();

/* Before: the rows that name its customers are deleted with it, sooner than any trigger after. */
create or replace trigger _510_withdraw_deleted
  before delete on app_public.tenants
  for each row execute function app_private.tg_tenants__withdraw();
--! EndIncluded 50_billing/withdrawal.sql
--! Included 50_billing/paid_after_closing.sql
/*
 * A page that was open can be paid until the closing of its tenant has closed it too, and an invoice
 * after that. What was subscribed to is cancelled, but nothing is paid back by itself: whether it is
 * a debt that was owed, or money for nothing, is for a person to say.
 */
create or replace function app_private.tg_tenants__note_closing()
  returns trigger
  language plpgsql volatile
as $$
begin
  new.closed_at := case when new.status = 'closed' then now() end;
  return new;
end;
$$;
comment on function app_private.tg_tenants__note_closing() is
  'Keeps since when a tenant is closed.';

create or replace trigger _100_note_closing
  before update of status on app_public.tenants
  for each row when ((new.status = 'closed') is distinct from (old.status = 'closed'))
  execute function app_private.tg_tenants__note_closing();

create or replace function app_private.tg_invoices__tell_paid_after_closing()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.raise_alarm(
    'paid_after_closing',
    new.id,
    format(
      'A closed tenant has paid invoice %s: %s in the smallest unit of %s. What it subscribed to is '
        'cancelled. Refund at Stripe what was paid for nothing.',
      coalesce(new.number, new.id), new.amount_paid, upper(new.currency)
    ),
    jsonb_build_object(
      'tenant_id', new.tenant_id,
      'customer_id', new.customer_id,
      'subscription_id', new.subscription_id,
      'number', new.number,
      'billing_reason', new.billing_reason,
      'amount_paid', new.amount_paid,
      'currency', new.currency,
      'paid_at', new.paid_at
    )
  )
  from app_public.tenants
  where tenants.id = new.tenant_id
  /* Stripe's times are whole seconds of another clock. */
  and new.paid_at > tenants.closed_at - interval '1 minute';
  return null;
end;
$$;
comment on function app_private.tg_invoices__tell_paid_after_closing() is
  'Tells the operator of money that was taken while its tenant was being closed, or after.';

/* What is paid stays so: it is told once, whatever is copied afterwards. */
create or replace trigger _510_tell_paid_after_closing
  after insert on app_public.invoices
  for each row when (new.status = 'paid' and new.amount_paid > 0)
  execute function app_private.tg_invoices__tell_paid_after_closing();

create or replace trigger _520_tell_paid_after_closing
  after update on app_public.invoices
  for each row when (new.status = 'paid' and new.amount_paid > 0 and old.status <> 'paid')
  execute function app_private.tg_invoices__tell_paid_after_closing();

revoke all on function
  app_private.tg_tenants__note_closing(),
  app_private.tg_invoices__tell_paid_after_closing()
  from public;
--! EndIncluded 50_billing/paid_after_closing.sql
--! Included 50_billing/renewal.sql
/* security definer: who belongs to a tenant is nothing a task may read; it needs the address only. */
create or replace function app_private.address_of_owner(p_tenant_id uuid)
  returns text
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.email
  from app_public.memberships
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = p_tenant_id
  and memberships.role = 'owner'
  order by memberships.created_at, memberships.user_id
  limit 1;
end;
comment on function app_private.address_of_owner(uuid) is
  'Where to reach who has owned the tenant for longest; null when nobody owns it.';
alter function app_private.address_of_owner(uuid) owner to app_definer;
revoke all on function app_private.address_of_owner(uuid) from public;
grant execute on function app_private.address_of_owner(uuid) to app_worker;

/*
 * Whoever asks for a page to subscribe on has what was wished for before it finished first, and so
 * must see it: of a wish and a page that are asked for at once, one comes second and knows the other.
 */
create or replace function app_private.lock_offers(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select pg_advisory_xact_lock(hashtextextended('offers:' || p_tenant_id, 0));
end;
comment on function app_private.lock_offers(uuid) is
  'Has whatever is to be sold to a tenant asked for one after the other, until the transaction ends.';
revoke all on function app_private.lock_offers(uuid) from public;
grant execute on function app_private.lock_offers(uuid) to app_worker, app_definer;

/*
 * An intent's words are frozen, and Stripe answers the same words under the same keys with what it
 * answered before: a refusal too. Whoever wants to try again needs another intent.
 */
create or replace function app_private.renew_billing_intent(
  p_tenant_id uuid,
  p_price_lookup_key text default null
)
  returns uuid
  language plpgsql volatile parallel unsafe
as $$
declare
  v_intent_id uuid;
begin
  /* Against renewals that race; there is nothing to insert twice for a tenant that has no intent. */
  perform app_private.lock_offers(p_tenant_id);
  if exists (
    select
    from app_public.billing_requests
    where billing_requests.tenant_id = p_tenant_id
    and billing_requests.kind = 'checkout'
    and billing_requests.status = 'pending'
    and not app_private.billing_request_is_late(billing_requests)
  ) then
    raise exception 'A page to subscribe on is being made for this tenant'
      using errcode = 'CNFLT',
            hint    = 'Try again in a moment, if nobody has subscribed on it by then.';
  end if;
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = p_tenant_id
    and stripe_subscriptions.status not in ('canceled', 'incomplete_expired')
  ) then
    return null;
  end if;

  select billing_intents.id into v_intent_id
  from app_private.billing_intents
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null;
  if not found then
    insert into app_private.billing_intents (
      tenant_id, customer_email, customer_name, price_lookup_key
    )
    select
      tenants.id,
      coalesce(app_private.address_of_owner(tenants.id), last.customer_email),
      tenants.name,
      coalesce(p_price_lookup_key, last.price_lookup_key)
    from app_public.tenants
    join lateral (
      select billing_intents.customer_email, billing_intents.price_lookup_key
      from app_private.billing_intents
      where billing_intents.tenant_id = tenants.id
      order by billing_intents.created_at desc, billing_intents.id desc
      limit 1
    ) as last on true
    where tenants.id = p_tenant_id
    and tenants.status <> 'closed'
    returning billing_intents.id into v_intent_id;
    if not found then
      return null;
    end if;
  end if;

  perform graphile_worker.add_job(
    'stripe_provision_tenant',
    json_build_object('tenant_id', p_tenant_id),
    queue_name => 'stripe_tenant:' || p_tenant_id,
    job_key => 'stripe_provision_tenant:' || p_tenant_id
  );
  return v_intent_id;
end;
$$;
comment on function app_private.renew_billing_intent(uuid, text) is
  'Starts a tenant''s provisioning again: its open intent, or a new one with today''s name and '
  'address, and the price given or wished for last. Returns the intent; null when there is nothing '
  'to start: no such tenant, a closed one, or one that has a subscription that has not ended. Raises '
  'CNFLT while a page to subscribe on is being made, for an hour at most; one that is open is closed '
  'by the task.';
revoke all on function app_private.renew_billing_intent(uuid, text) from public;
grant execute on function app_private.renew_billing_intent(uuid, text) to app_worker;

create or replace function app_private.fail_intent(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_failure text
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.billing_intents set
    failed_at = now(),
    failure = left(p_failure, 1000)
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null;
  if found then
    perform app_private.raise_alarm(
      'provisioning_failed',
      p_tenant_id::text,
      'Stripe refuses to provision this tenant. Mend the cause, then: npm run provision -- '
        || p_tenant_id,
      jsonb_build_object('intent_id', p_intent_id, 'failure', left(p_failure, 1000))
    );
  end if;
end;
$$;
comment on function app_private.fail_intent(uuid, uuid, text) is
  'Ends an intent that Stripe refuses, and would refuse again, and tells the operator.';

revoke all on function app_private.fail_intent(uuid, uuid, text) from public;
grant execute on function app_private.fail_intent(uuid, uuid, text) to app_worker;
--! EndIncluded 50_billing/renewal.sql
--! Included 50_billing/apply_billing.sql
create or replace function app_private.apply_billing(p_tenant_id uuid)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_job_key constant text := 'end_grace_period:' || p_tenant_id;
  v_tenant app_public.tenants;
  v_standing record;
begin
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = p_tenant_id
  for no key update;

  select standing.* into v_standing
  from app_private.tenant_standing(p_tenant_id, now()) as standing;
  if not found then
    return;
  end if;

  update app_public.tenants set
    plan = coalesce(v_standing.plan_key, tenants.plan),
    status = v_standing.status,
    access = v_standing.access,
    access_reason = v_standing.access_reason,
    current_period_start = v_standing.current_period_start,
    current_period_end = v_standing.current_period_end,
    cancel_at = v_standing.cancel_at,
    grace_ends_at = v_standing.grace_ends_at,
    trial_ends_at = v_standing.trial_ends_at,
    access_until = v_standing.access_until
  where tenants.id = p_tenant_id
  and tenants.status <> 'closed'
  /* Nothing is written, and no trigger fires, for what has not changed. */
  and (
    tenants.plan, tenants.status, tenants.access, tenants.access_reason,
    tenants.current_period_start, tenants.current_period_end, tenants.cancel_at,
    tenants.grace_ends_at, tenants.trial_ends_at, tenants.access_until
  ) is distinct from (
    coalesce(v_standing.plan_key, tenants.plan), v_standing.status, v_standing.access,
    v_standing.access_reason, v_standing.current_period_start, v_standing.current_period_end,
    v_standing.cancel_at, v_standing.grace_ends_at, v_standing.trial_ends_at,
    v_standing.access_until
  );

  update app_public.billing_accounts set
    stripe_subscription_id = v_standing.subscription_id,
    client_secret = v_standing.client_secret
  where billing_accounts.tenant_id = p_tenant_id
  and (billing_accounts.stripe_subscription_id, billing_accounts.client_secret)
    is distinct from (v_standing.subscription_id, v_standing.client_secret);

  if v_standing.grace_ends_at > now() then
    perform graphile_worker.add_job(
      'end_grace_period',
      json_build_object('tenant_id', p_tenant_id),
      run_at => v_standing.grace_ends_at,
      job_key => v_job_key
    );
  elsif v_tenant.grace_ends_at is not null then
    perform graphile_worker.remove_job(v_job_key);
  end if;
end;
$$;
comment on function app_private.apply_billing(uuid) is
  'Writes to a tenant what its subscriptions mean now, and books the end of its grace period.';

create or replace function app_private.end_grace_period(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.apply_billing(p_tenant_id);
end;
comment on function app_private.end_grace_period(uuid) is
  'Suspends the tenant if its grace period is over and nothing was paid; else changes nothing.';

create or replace function app_private.end_overdue_grace_periods()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.apply_billing(tenants.id)
  from app_public.tenants
  where tenants.grace_ends_at <= now()
  and tenants.status not in ('suspended', 'closed');
end;
comment on function app_private.end_overdue_grace_periods() is
  'Suspends tenants whose grace period is over and whose job did not: it was dismissed, or lost.';

revoke all on function
  app_private.apply_billing(uuid),
  app_private.end_grace_period(uuid),
  app_private.end_overdue_grace_periods()
  from public;
grant execute on function
  app_private.apply_billing(uuid),
  app_private.end_grace_period(uuid),
  app_private.end_overdue_grace_periods()
  to app_worker;
--! EndIncluded 50_billing/apply_billing.sql
--! Included 50_billing/provisioning.sql
create or replace function app_private.begin_billing_intent(p_tenant_id uuid)
  returns table (
    id uuid,
    key_generation smallint,
    customer_email text,
    customer_name text,
    price_lookup_key text,
    stripe_price_id text,
    stripe_customer_id text,
    created_at timestamptz,
    must_search boolean,
    is_renewal boolean
  )
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    /*
     * Of a wish that is old, a first attempt may have been made that we know nothing of: by a
     * database that was restored since from a backup.
     */
    first_attempt_at = coalesce(
      billing_intents.first_attempt_at,
      case when billing_intents.created_at < now() - interval '23 hours'
        then billing_intents.created_at
        else now()
      end
    )
  from app_public.billing_accounts
  join app_public.tenants on tenants.id = billing_accounts.tenant_id
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null
  and billing_accounts.tenant_id = billing_intents.tenant_id
  and tenants.status <> 'closed'
  returning
    billing_intents.id,
    billing_intents.key_generation,
    billing_intents.customer_email,
    billing_intents.customer_name,
    billing_intents.price_lookup_key,
    billing_intents.stripe_price_id,
    billing_accounts.stripe_customer_id,
    billing_intents.created_at,
    billing_intents.is_in_doubt
      or billing_intents.first_attempt_at < now() - interval '23 hours',
    exists (
      select
      from app_private.billing_intents as earlier
      where earlier.tenant_id = billing_intents.tenant_id
      and earlier.id <> billing_intents.id
    );
end;
comment on function app_private.begin_billing_intent(uuid) is
  'The tenant''s open wish to subscribe and how far it got; no row when there is none, or when the '
  'tenant is closed. must_search: an earlier attempt may have succeeded unseen, look before '
  'creating. is_renewal: the tenant had a wish before, its customer may have a subscription.';

create or replace function app_private.freeze_intent_price(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_price_id text
)
  returns text
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    stripe_price_id = coalesce(billing_intents.stripe_price_id, p_price_id)
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  returning billing_intents.stripe_price_id;
end;
comment on function app_private.freeze_intent_price(uuid, uuid, text) is
  'Stores the price found for an intent, unless one is stored; returns the one that counts.';

create or replace function app_private.doubt_intent(p_tenant_id uuid, p_intent_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set is_in_doubt = true
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id;
end;
comment on function app_private.doubt_intent(uuid, uuid) is
  'Notes that Stripe answered 5xx: whether it did what was asked is unknown.';

create or replace function app_private.settle_intent_doubt(p_tenant_id uuid, p_intent_id uuid)
  returns smallint
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    is_in_doubt = false,
    first_attempt_at = now(),
    key_generation = billing_intents.key_generation + 1
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  returning billing_intents.key_generation;
end;
comment on function app_private.settle_intent_doubt(uuid, uuid) is
  'Notes that Stripe was searched and had nothing; returns the generation for fresh keys.';

create or replace function app_private.tie_stripe_customer(p_tenant_id uuid, p_customer_id text)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_public.billing_accounts set
    stripe_customer_id = coalesce(billing_accounts.stripe_customer_id, p_customer_id)
  from app_public.tenants
  where billing_accounts.tenant_id = p_tenant_id
  and tenants.id = billing_accounts.tenant_id
  and tenants.status <> 'closed'
  returning billing_accounts.stripe_customer_id into v_customer_id;
  if v_customer_id = p_customer_id then
    insert into app_private.stripe_customers (tenant_id, id)
    values (p_tenant_id, v_customer_id)
    on conflict do nothing;
  end if;
  return v_customer_id;
end;
$$;
comment on function app_private.tie_stripe_customer(uuid, text) is
  'Ties a Stripe customer to a tenant that has none yet; returns the one that counts, which is '
  'another when somebody was faster, and none when the tenant is closed or gone.';

create or replace function app_private.record_intent_customer(
  p_tenant_id uuid,
  p_customer_id text
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text := app_private.tie_stripe_customer(p_tenant_id, p_customer_id);
begin
  if v_customer_id is distinct from p_customer_id then
    perform app_private.discard_at_stripe(p_customer_id, p_tenant_id, v_customer_id);
  end if;
  return v_customer_id;
end;
$$;
comment on function app_private.record_intent_customer(uuid, text) is
  'Stores the customer that was made for an intent, and returns the one that counts. One that came '
  'too late is discarded at Stripe, by a job: no crash leaves it there.';

create or replace function app_private.record_intent_subscription(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_subscription_id text,
  p_is_intents boolean default true
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_subscription_id text;
begin
  update app_private.billing_intents set
    stripe_subscription_id = coalesce(billing_intents.stripe_subscription_id, p_subscription_id),
    completed_at = coalesce(billing_intents.completed_at, now())
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  and billing_intents.failed_at is null
  returning billing_intents.stripe_subscription_id into v_subscription_id;

  if v_subscription_id is distinct from p_subscription_id then
    if p_is_intents then
      perform app_private.discard_at_stripe(p_subscription_id, p_tenant_id, v_subscription_id);
    end if;
  else
    perform app_private.resolve_alarm('provisioning_failed', p_tenant_id::text);
  end if;
  return v_subscription_id;
end;
$$;
comment on function app_private.record_intent_subscription(uuid, uuid, text, boolean) is
  'Closes an intent: its subscription exists. Returns the one that counts; another is discarded at '
  'Stripe, by a job, if it was made for the intent (p_is_intents) and not found: what is found may '
  'have been paid.';

create or replace function app_private.adopt_stripe_customer(
  p_customer_id text,
  p_tenant_id uuid,
  p_intent_id uuid
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Metadata can be written by anyone in the dashboard: the tenant must have wished for it. */
  if not exists (
    select
    from app_private.billing_intents
    where billing_intents.tenant_id = p_tenant_id
    and billing_intents.id = p_intent_id
  ) or exists (
    select
    from app_private.stripe_customers
    where stripe_customers.id = p_customer_id
    and stripe_customers.tenant_id <> p_tenant_id
  ) then
    return false;
  end if;
  return coalesce(
    app_private.tie_stripe_customer(p_tenant_id, p_customer_id) = p_customer_id, false
  );
end;
$$;
comment on function app_private.adopt_stripe_customer(text, uuid, uuid) is
  'Ties a customer made for an intent of ours to its tenant; false when it is not ours, when it is '
  'another tenant''s, or when the tenant has another.';

revoke all on function
  app_private.begin_billing_intent(uuid),
  app_private.freeze_intent_price(uuid, uuid, text),
  app_private.doubt_intent(uuid, uuid),
  app_private.settle_intent_doubt(uuid, uuid),
  app_private.tie_stripe_customer(uuid, text),
  app_private.record_intent_customer(uuid, text),
  app_private.record_intent_subscription(uuid, uuid, text, boolean),
  app_private.adopt_stripe_customer(text, uuid, uuid)
  from public;
grant execute on function
  app_private.begin_billing_intent(uuid),
  app_private.freeze_intent_price(uuid, uuid, text),
  app_private.doubt_intent(uuid, uuid),
  app_private.settle_intent_doubt(uuid, uuid),
  app_private.tie_stripe_customer(uuid, text),
  app_private.record_intent_customer(uuid, text),
  app_private.record_intent_subscription(uuid, uuid, text, boolean),
  app_private.adopt_stripe_customer(text, uuid, uuid)
  to app_worker;
--! EndIncluded 50_billing/provisioning.sql
--! Included 50_billing/event_routes.sql
create or replace function app_private.stripe_event_routes()
  returns table (type text, target text, alarm text)
  language sql immutable parallel safe
begin atomic
  values
    ('customer.updated', 'customer', null),
    ('customer.deleted', 'customer', null),
    ('customer.subscription.created', 'customer', null),
    ('customer.subscription.updated', 'customer', null),
    ('customer.subscription.deleted', 'customer', null),
    ('customer.subscription.paused', 'customer', null),
    ('customer.subscription.resumed', 'customer', null),
    ('customer.subscription.pending_update_applied', 'customer', null),
    ('customer.subscription.pending_update_expired', 'customer', null),
    ('customer.subscription.trial_will_end', 'customer', null),
    /* These nine come as thin events only. */
    ('customer.subscription.active', 'customer', null),
    ('customer.subscription.cancel_at_changed', 'customer', null),
    ('customer.subscription.incomplete', 'customer', null),
    ('customer.subscription.incomplete_expired', 'customer', null),
    ('customer.subscription.item_price_changed', 'customer', null),
    ('customer.subscription.item_quantity_changed', 'customer', null),
    ('customer.subscription.past_due', 'customer', null),
    ('customer.subscription.trialing', 'customer', null),
    ('customer.subscription.unpaid', 'customer', null),
    ('subscription_schedule.updated', 'customer', null),
    ('subscription_schedule.released', 'customer', null),
    ('subscription_schedule.canceled', 'customer', null),
    ('subscription_schedule.completed', 'customer', null),
    ('subscription_schedule.aborted', 'customer', null),
    ('invoice.paid', 'customer', null),
    ('invoice.payment_succeeded', 'customer', null),
    ('invoice.payment_failed', 'customer', null),
    ('invoice.payment_action_required', 'customer', null),
    ('invoice.payment_attempt_required', 'customer', null),
    ('invoice.finalized', 'customer', null),
    ('invoice.finalization_failed', 'customer', null),
    ('invoice.voided', 'customer', null),
    ('invoice.marked_uncollectible', 'customer', null),
    ('invoice.overdue', 'customer', null),
    ('invoice.updated', 'customer', null),
    ('invoice.upcoming', 'customer', null),
    ('checkout.session.completed', 'customer', null),
    ('checkout.session.async_payment_succeeded', 'customer', null),
    ('checkout.session.async_payment_failed', 'customer', null),
    ('checkout.session.expired', 'customer', null),
    ('entitlements.active_entitlement_summary.updated', 'customer', null),
    /* Thin only. */
    ('entitlements.active_entitlement_summary.entitlement_added', 'customer', null),
    ('entitlements.active_entitlement_summary.entitlement_removed', 'customer', null),
    ('payment_method.attached', 'customer', null),
    ('payment_method.detached', 'customer', null),
    ('payment_method.automatically_updated', 'customer', null),
    ('setup_intent.succeeded', 'customer', null),
    ('charge.refunded', 'customer', null),
    ('refund.failed', 'customer', null),
    ('charge.dispute.created', 'customer', 'payment_disputed'),
    ('charge.dispute.updated', 'customer', null),
    ('charge.dispute.closed', 'customer', null),
    ('charge.dispute.funds_withdrawn', 'customer', null),
    ('charge.dispute.funds_reinstated', 'customer', null),
    ('radar.early_fraud_warning.created', 'customer', 'payment_disputed'),
    ('product.created', 'catalog', null),
    ('product.updated', 'catalog', null),
    ('product.deleted', 'catalog', null),
    ('price.created', 'catalog', null),
    ('price.updated', 'catalog', null),
    ('price.deleted', 'catalog', null),
    ('coupon.created', 'catalog', null),
    ('coupon.updated', 'catalog', null),
    ('coupon.deleted', 'catalog', null),
    ('promotion_code.created', 'catalog', null),
    ('promotion_code.updated', 'catalog', null),
    /* Thin only: usage that was reported and not counted. */
    ('billing.meter.error_report_triggered', 'operator', 'usage_rejected'),
    ('billing.meter.no_meter_found', 'operator', 'usage_rejected');
end;
comment on function app_private.stripe_event_routes() is
  'What is done about each type of event; a type that is not here is kept and ignored. target: '
  'customer (a fresh copy of the customer it is about), catalog (of products and prices) or operator '
  '(nothing but the alarm). alarm: the kind of alarm that is raised besides.';

create or replace function app_private.request_customer_sync(
  p_customer_id text,
  p_run_at timestamptz default null
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * One queue and one key a customer: bursts fold into one sync, and an event that comes while one
   * runs gets another after it. One that may wait puts off none that may not.
   */
  select graphile_worker.add_job(
    'stripe_sync_customer',
    json_build_object('customer_id', p_customer_id),
    queue_name => 'stripe_customer:' || p_customer_id,
    run_at => p_run_at,
    job_key => 'stripe_customer:' || p_customer_id,
    job_key_mode => case when p_run_at is null then 'replace' else 'preserve_run_at' end
  );
end;
comment on function app_private.request_customer_sync(text, timestamptz) is
  'Books a fresh copy of a customer''s subscriptions from Stripe, at once or for later.';

create or replace function app_private.request_catalog_sync()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_sync_catalog',
    json_build_object(),
    job_key => 'stripe_sync_catalog'
  );
end;
comment on function app_private.request_catalog_sync() is
  'Books a fresh copy of the products and prices at Stripe; a burst of changes is one.';

revoke all on function
  app_private.stripe_event_routes(),
  app_private.request_customer_sync(text, timestamptz),
  app_private.request_catalog_sync()
  from public;
grant execute on function app_private.stripe_event_routes() to app_definer, app_worker;
grant execute on function
  app_private.request_customer_sync(text, timestamptz),
  app_private.request_catalog_sync()
  to app_worker;
--! EndIncluded 50_billing/event_routes.sql
--! Included 50_billing/inbox.sql
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
--! EndIncluded 50_billing/inbox.sql
--! Included 50_billing/event_states.sql
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
--! EndIncluded 50_billing/event_states.sql
--! Included 50_billing/event_settling.sql
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
--! EndIncluded 50_billing/event_settling.sql
--! Included 50_billing/event_care.sql
create or replace function app_private.tend_stripe_events()
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_job record;
begin
  for v_job in
    select split_part(jobs.key, ':', 2) as subject, left(jobs.last_error, 900) as error
    from graphile_worker._private_jobs as jobs
    where jobs.attempts >= jobs.max_attempts
    and jobs.locked_at is null
    and jobs.key ~ '^stripe_(event|customer):'
  loop
    update app_private.stripe_events set
      status = 'failed',
      reason = v_job.error
    where stripe_events.status = 'pending'
    and (stripe_events.id = v_job.subject or stripe_events.customer_id = v_job.subject);
    if found then
      perform app_private.raise_alarm(
        'stripe_event_failed',
        v_job.subject,
        format('What Stripe sent about %s was given up: %s', v_job.subject, v_job.error)
      );
    end if;
  end loop;

  /* Whoever deletes jobs by hand takes no event with them. */
  perform app_private.book_event_jobs(array_agg(stripe_events.id order by stripe_events.id))
  from app_private.stripe_events
  where stripe_events.status = 'pending'
  and stripe_events.received_at < now() - interval '10 minutes'
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_event:' || stripe_events.id
  )
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_customer:' || stripe_events.customer_id
  );
end;
$$;
comment on function app_private.tend_stripe_events() is
  'Marks events failed whose job was given up, with the reason, and raises an alarm for each job; '
  'books those anew that wait for a job which is gone.';

create or replace function app_private.replay_stripe_event(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.stripe_events set
    status = 'pending',
    reason = null,
    processed_at = null
  where stripe_events.id = p_event_id
  and stripe_events.status <> 'ignored_mode';
  if not found then
    raise exception 'There is no event "%", or it is of Stripe''s other mode', p_event_id
      using errcode = 'INPUT';
  end if;
  perform app_private.resolve_alarm('stripe_event_failed', p_event_id);
  perform app_private.book_event_jobs(array[p_event_id]);
end;
$$;
comment on function app_private.replay_stripe_event(text) is
  'Processes an event of the inbox again, whatever became of it. Harmless, since nothing but whom it '
  'is about is read from it. For operators.';

create or replace function app_private.dismiss_stripe_event(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_private.stripe_events set
    status = 'dismissed',
    processed_at = now()
  where stripe_events.id = p_event_id
  and stripe_events.status in ('pending', 'foreign', 'failed')
  returning stripe_events.customer_id into v_customer_id;
  if not found then
    raise exception 'There is no event "%" that is pending, foreign or failed', p_event_id
      using errcode = 'INPUT';
  end if;
  perform graphile_worker.remove_job('stripe_event:' || p_event_id);
  perform app_private.resolve_alarm('stripe_event_failed', p_event_id);
  if not exists (
    select
    from app_private.stripe_events
    where stripe_events.customer_id = v_customer_id
    and stripe_events.status = 'failed'
  ) then
    perform app_private.resolve_alarm('stripe_event_failed', v_customer_id);
  end if;
end;
$$;
comment on function app_private.dismiss_stripe_event(text) is
  'Takes an event off the list of what is to be done, and the alarm of its failure with it. For '
  'operators.';

create or replace function app_private.prune_stripe_events()
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * Stripe lists and resends events for 30 days: one that is forgotten any sooner could come again
   * and would be taken for new.
   */
  delete from app_private.stripe_events
  where stripe_events.received_at < now() - interval '45 days'
  and stripe_events.status in ('processed', 'ignored', 'ignored_mode', 'foreign', 'dismissed');
end;
comment on function app_private.prune_stripe_events() is
  'Forgets events that came 45 days ago and are done with. What is pending or failed stays.';

revoke all on function
  app_private.tend_stripe_events(),
  app_private.replay_stripe_event(text),
  app_private.dismiss_stripe_event(text),
  app_private.prune_stripe_events()
  from public;
grant execute on function
  app_private.tend_stripe_events(),
  app_private.replay_stripe_event(text),
  app_private.dismiss_stripe_event(text),
  app_private.prune_stripe_events()
  to app_worker;
--! EndIncluded 50_billing/event_care.sql
--! Included 50_billing/sync_subscriptions.sql
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
--! EndIncluded 50_billing/sync_subscriptions.sql
--! Included 50_billing/sync_invoices.sql
create or replace function app_private.record_stripe_invoices(p_tenant_id uuid, p_invoices jsonb)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_public.invoices as known (
    tenant_id, id, subscription_id, number, status, billing_reason, attempt_count,
    next_payment_attempt_at, currency, amount_due, amount_paid, amount_remaining,
    hosted_invoice_url, invoice_pdf_url, period_start, period_end, finalized_at, paid_at, created_at,
    customer_id
  )
  select
    p_tenant_id,
    truth.id,
    truth.subscription_id,
    truth.number,
    truth.status,
    truth.billing_reason,
    truth.attempt_count,
    to_timestamp(truth.next_payment_attempt),
    truth.currency,
    truth.amount_due,
    truth.amount_paid,
    truth.amount_remaining,
    truth.hosted_invoice_url,
    truth.invoice_pdf,
    to_timestamp(truth.period_start),
    to_timestamp(truth.period_end),
    to_timestamp(truth.finalized_at),
    to_timestamp(truth.paid_at),
    to_timestamp(truth.created),
    truth.customer_id
  from jsonb_to_recordset(p_invoices) as truth (
    id text,
    customer_id text,
    subscription_id text,
    number text,
    status text,
    billing_reason text,
    attempt_count integer,
    next_payment_attempt double precision,
    currency text,
    amount_due bigint,
    amount_paid bigint,
    amount_remaining bigint,
    hosted_invoice_url text,
    invoice_pdf text,
    period_start double precision,
    period_end double precision,
    finalized_at double precision,
    paid_at double precision,
    created double precision
  )
  on conflict (tenant_id, id) do update set
    customer_id = excluded.customer_id,
    subscription_id = excluded.subscription_id,
    number = excluded.number,
    status = excluded.status,
    billing_reason = excluded.billing_reason,
    attempt_count = excluded.attempt_count,
    next_payment_attempt_at = excluded.next_payment_attempt_at,
    currency = excluded.currency,
    amount_due = excluded.amount_due,
    amount_paid = excluded.amount_paid,
    amount_remaining = excluded.amount_remaining,
    hosted_invoice_url = excluded.hosted_invoice_url,
    invoice_pdf_url = excluded.invoice_pdf_url,
    period_start = excluded.period_start,
    period_end = excluded.period_end,
    finalized_at = excluded.finalized_at,
    paid_at = excluded.paid_at
  /* Nothing is written, and no trigger fires, for what has not changed. */
  where known is distinct from excluded;
end;
comment on function app_private.record_stripe_invoices(uuid, jsonb) is
  'Writes what Stripe says of some of a tenant''s invoices; the others stay as they are.';

revoke all on function app_private.record_stripe_invoices(uuid, jsonb) from public;
grant execute on function app_private.record_stripe_invoices(uuid, jsonb) to app_worker;
--! EndIncluded 50_billing/sync_invoices.sql
--! Included 50_billing/forget_customer.sql
create or replace function app_private.forget_stripe_customer(
  p_tenant_id uuid,
  p_customer_id text
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_public.billing_accounts set
    stripe_customer_id = null,
    stripe_subscription_id = null,
    client_secret = null
  where billing_accounts.tenant_id = p_tenant_id
  and billing_accounts.stripe_customer_id = p_customer_id;
  if not found then
    return false;
  end if;

  /* Under its old keys a wish that is still open would be answered with the customer forgotten. */
  update app_private.billing_intents set
    is_in_doubt = false,
    first_attempt_at = null,
    key_generation = billing_intents.key_generation + 1
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null;
  return true;
end;
$$;
comment on function app_private.forget_stripe_customer(uuid, text) is
  'Unties a customer that was deleted at Stripe from its tenant, so that no call is made with its id '
  'any more and provisioning makes another. Its subscriptions and invoices stay known. False when '
  'the tenant has another customer, or none.';

revoke all on function app_private.forget_stripe_customer(uuid, text) from public;
grant execute on function app_private.forget_stripe_customer(uuid, text) to app_worker;
--! EndIncluded 50_billing/forget_customer.sql
--! Included 50_billing/sync_alarms.sql
/*
 * What an operator should look at in a customer's truth. Each matter is found anew at every sync,
 * so that its alarm is resolved by the first sync that finds it mended.
 */
create or replace function app_private.billing_matters(p_tenant_id uuid, p_truth jsonb)
  returns table (kind text, subject text, message text, details jsonb)
  language sql stable parallel safe
begin atomic
  with live as (
    select subscriptions.id, subscriptions.status, subscriptions.plan_key,
      subscriptions.unknown_since, subscriptions.items, subscriptions.known_status
    from app_private.stripe_subscriptions as subscriptions
    where subscriptions.tenant_id = p_tenant_id
    and subscriptions.status not in ('canceled', 'incomplete_expired')
  )
  select
    'duplicate_subscription',
    p_tenant_id::text,
    'A tenant pays for more than one subscription',
    jsonb_build_object('subscriptions', jsonb_agg(live.id order by live.id))
  from live
  where live.status <> 'incomplete'
  having count(*) > 1
  union all
  select
    'unknown_status',
    live.id,
    'A subscription has a status that is not known: it keeps what it granted for a day',
    jsonb_build_object('tenant_id', p_tenant_id, 'status', live.status, 'since', live.unknown_since)
  from live
  where live.unknown_since is not null
  union all
  select
    'unknown_price',
    live.id,
    'A subscription has no price of a plan of ours: its tenant keeps the plan it had',
    jsonb_build_object(
      'tenant_id', p_tenant_id,
      'prices', jsonb_path_query_array(live.items, '$[*].price_id')
    )
  from live
  where live.plan_key is null
  union all
  select
    'tenant_mismatch',
    claims.id,
    'The metadata of an object at Stripe name a tenant that it does not belong to',
    jsonb_build_object('tenant_id', p_tenant_id, 'claimed_tenant_id', claims.tenant_id)
  from (
    select p_truth->>'id', p_truth->>'claimed_tenant_id'
    union all
    select subscriptions.id, subscriptions.claimed_tenant_id
    from jsonb_to_recordset(p_truth->'subscriptions')
      as subscriptions (id text, claimed_tenant_id text)
    join live using (id)
  ) as claims (id, tenant_id)
  where claims.tenant_id <> p_tenant_id::text;
end;
comment on function app_private.billing_matters(uuid, jsonb) is
  'What is wrong with a customer that was just recorded, each matter once.';

create or replace function app_private.raise_billing_alarms(p_tenant_id uuid, p_truth jsonb)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_matters jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(matters)), '[]') into v_matters
  from app_private.billing_matters(p_tenant_id, p_truth) as matters;

  perform app_private.raise_alarm(
    matters.kind, matters.subject, matters.message, matters.details
  )
  from jsonb_to_recordset(v_matters)
    as matters (kind text, subject text, message text, details jsonb);

  perform app_private.resolve_alarm(alarms.kind, alarms.subject)
  from app_private.alarms
  where alarms.resolved_at is null
  and alarms.kind in (
    'duplicate_subscription', 'unknown_status', 'unknown_price', 'tenant_mismatch'
  )
  and (
    alarms.subject in (p_tenant_id::text, p_truth->>'id')
    or alarms.subject in (
      select subscriptions.id
      from app_private.stripe_subscriptions as subscriptions
      where subscriptions.tenant_id = p_tenant_id
    )
  )
  and not v_matters @> jsonb_build_array(
    jsonb_build_object('kind', alarms.kind, 'subject', alarms.subject)
  );
end;
$$;
comment on function app_private.raise_billing_alarms(uuid, jsonb) is
  'Raises an alarm for what is wrong with a customer that was just recorded, and resolves those '
  'whose matter has mended.';

revoke all on function
  app_private.billing_matters(uuid, jsonb),
  app_private.raise_billing_alarms(uuid, jsonb)
  from public;
grant execute on function
  app_private.billing_matters(uuid, jsonb),
  app_private.raise_billing_alarms(uuid, jsonb)
  to app_worker;
--! EndIncluded 50_billing/sync_alarms.sql
--! Included 50_billing/sync.sql
create or replace function app_private.begin_customer_sync(p_customer_id text)
  returns table (seq bigint, is_deleted boolean, unsettled_invoice_ids text[])
  language sql volatile parallel unsafe
begin atomic
  select
    nextval('app_private.stripe_sync_seq'::regclass),
    exists (
      select
      from app_private.stripe_customers
      where stripe_customers.id = p_customer_id
      and stripe_customers.is_deleted
    ),
    array(
      select invoices.id
      from app_private.stripe_customers
      join app_public.invoices
        on invoices.tenant_id = stripe_customers.tenant_id
        and invoices.customer_id = stripe_customers.id
      where stripe_customers.id = p_customer_id
      and invoices.status not in ('paid', 'void')
      order by invoices.created_at desc
    );
end;
comment on function app_private.begin_customer_sync(text) is
  'Called before a fetch from Stripe. seq: whoever fetched later has the higher number. is_deleted: '
  'the customer was deleted, which is final; only its invoices may still change. '
  'unsettled_invoice_ids: what we hold that may still change, however old it is.';

/*
 * The only writer of what Stripe says. Every change at Stripe is followed by an event, whose sync
 * takes its number after the change; the highest number wins; so the last write read the last
 * change, whatever order anything arrived in.
 */
create or replace function app_private.record_stripe_customer(
  p_sync_seq bigint,
  p_truth jsonb,
  p_grace_days double precision
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id constant text := p_truth->>'id';
  v_tenant_id uuid;
begin
  update app_private.stripe_customers set
    is_deleted = (p_truth->>'is_deleted')::boolean,
    active_entitlements = array(
      select entitlements.lookup_key
      from jsonb_array_elements_text(p_truth->'active_entitlements') as entitlements (lookup_key)
      order by entitlements.lookup_key
    ),
    sync_seq = p_sync_seq,
    synced_at = now()
  where stripe_customers.id = v_customer_id
  and stripe_customers.sync_seq < p_sync_seq
  returning stripe_customers.tenant_id into v_tenant_id;
  if not found then
    return case
      when exists (
        select from app_private.stripe_customers where stripe_customers.id = v_customer_id
      ) then 'stale'
      else 'unknown'
    end;
  end if;

  perform app_private.end_unlisted_subscriptions(
    v_tenant_id, v_customer_id, p_truth->'subscriptions'
  );
  perform app_private.record_stripe_subscriptions(
    v_tenant_id, v_customer_id, p_truth->'subscriptions', make_interval(secs => p_grace_days * 86400)
  );
  perform app_private.record_stripe_invoices(v_tenant_id, p_truth->'invoices');
  if (p_truth->>'is_deleted')::boolean then
    perform app_private.forget_stripe_customer(v_tenant_id, v_customer_id);
  end if;
  perform app_private.apply_billing(v_tenant_id);
  perform app_private.raise_billing_alarms(v_tenant_id, p_truth);
  /* Nobody has any use for what was subscribed to while its tenant was being closed. */
  perform app_private.withdraw_if_closed(v_tenant_id)
  where exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = v_tenant_id
    and stripe_subscriptions.status not in ('canceled', 'incomplete_expired')
  );
  return 'recorded';
end;
$$;
comment on function app_private.record_stripe_customer(bigint, jsonb, double precision) is
  'Replaces our copy of a customer by what was fetched after p_sync_seq was taken. p_truth is '
  'CustomerTruth of tasks/stripe_customer_truth.ts, times in Unix seconds. Returns recorded, stale '
  '(a later fetch was written already) or unknown (no tenant has this customer).';

revoke all on function
  app_private.begin_customer_sync(text),
  app_private.record_stripe_customer(bigint, jsonb, double precision)
  from public;
grant execute on function
  app_private.begin_customer_sync(text),
  app_private.record_stripe_customer(bigint, jsonb, double precision)
  to app_worker;
--! EndIncluded 50_billing/sync.sql
--! Included 50_billing/create_tenant.sql
create or replace function app_private.founding_id(p_user_id uuid, p_key text)
  returns uuid
  language sql immutable strict parallel safe
begin atomic
  /* The layout of a version 8 UUID, so that it can't be one that the database made up. */
  select (
    substr(digest.hex, 1, 12) || '8' || substr(digest.hex, 14, 3)
    || '8' || substr(digest.hex, 18, 15)
  )::uuid
  from (
    select encode(sha256(convert_to(p_user_id || ':' || p_key, 'UTF8')), 'hex') as hex
  ) as digest;
end;
comment on function app_private.founding_id(uuid, text) is
  'The id of the tenant that this person founds under this idempotency key; null without a key.';

create or replace function app_private.founded_tenant(
  p_user_id uuid,
  p_key text,
  p_name text,
  p_price_lookup_key text
)
  returns app_public.tenants
  language plpgsql stable parallel safe
as $$
declare
  v_tenant_id uuid := app_private.founding_id(p_user_id, p_key);
  v_tenant app_public.tenants;
begin
  select tenants.* into v_tenant
  from app_public.tenants
  join app_public.memberships
    on memberships.tenant_id = tenants.id and memberships.user_id = p_user_id
  where tenants.id = v_tenant_id
  and exists (
    select
    from app_private.billing_intents
    where billing_intents.tenant_id = v_tenant_id
    and billing_intents.customer_name = p_name
    and billing_intents.price_lookup_key = p_price_lookup_key
  );
  if not found then
    raise exception 'This idempotency key was used to found another tenant'
      using errcode = 'CNFLT';
  end if;
  return v_tenant;
end;
$$;
comment on function app_private.founded_tenant(uuid, text, text, text) is
  'The tenant that this person has founded under this key with the same wish, and still belongs to.';

create or replace function app_private.require_few_foundings(p_user_id uuid)
  returns void
  language plpgsql stable parallel safe
as $$
declare
  v_hourly_limit constant integer := 100;
begin
  if v_hourly_limit <= (
    select count(*)
    from app_public.memberships
    join app_public.tenants on tenants.id = memberships.tenant_id
    where memberships.user_id = p_user_id
    and memberships.role = 'owner'
    and tenants.created_at > now() - interval '1 hour'
  ) then
    raise exception 'You have founded % tenants within an hour', v_hourly_limit
      using errcode = 'RATED',
            hint    = 'Try again later.';
  end if;
end;
$$;
comment on function app_private.require_few_foundings(uuid) is
  'Raises RATED beyond 100 an hour: each takes calls to Stripe that other tenants wait for.';

revoke all on function
  app_private.founding_id(uuid, text),
  app_private.founded_tenant(uuid, text, text, text),
  app_private.require_few_foundings(uuid)
  from public;
grant execute on function
  app_private.founding_id(uuid, text),
  app_private.founded_tenant(uuid, text, text, text),
  app_private.require_few_foundings(uuid)
  to app_definer;

/*
 * security definer: nobody is a member of a tenant that does not exist yet. The owner is the
 * signed-in person, never an argument.
 *
 * One transaction makes the tenant, its owner, the frozen wish to subscribe and the job that
 * carries it to Stripe: none is ever there without the others.
 */
create or replace function app_public.create_tenant(
  name text,
  plan text default 'starter',
  "interval" text default 'month',
  idempotency_key text default null
)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := btrim(create_tenant.name, E' \t\r\n');
  v_user_id uuid := app_private.current_user_id();
  v_key text := create_tenant.idempotency_key;
  v_lookup_key text;
  v_is_sold boolean;
  v_tenant app_public.tenants;
begin
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100
    or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;
  if v_key is not null and char_length(v_key) not between 1 and 200 then
    raise exception '"idempotencyKey" must have 1 to 200 characters'
      using errcode = 'INPUT';
  end if;

  select plan_prices.lookup_key, plan_prices.is_active into v_lookup_key, v_is_sold
  from app_public.plan_prices
  where plan_prices.plan_key = create_tenant.plan
  and plan_prices."interval" = create_tenant."interval";
  if not found then
    raise exception 'There is no such plan, or it is not sold by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists them with their prices.';
  end if;

  if v_key is null then
    insert into app_public.tenants (name, plan)
    values (v_name, create_tenant.plan)
    returning tenants.* into v_tenant;
  else
    /* A person and a key make one id: the primary key decides between clicks that race. */
    insert into app_public.tenants (id, name, plan)
    values (app_private.founding_id(v_user_id, v_key), v_name, create_tenant.plan)
    on conflict (id) do nothing
    returning tenants.* into v_tenant;
    if not found then
      return app_private.founded_tenant(v_user_id, v_key, v_name, v_lookup_key);
    end if;
  end if;

  /* Not before: a click that is repeated gets its tenant, whatever is sold by now. */
  if not v_is_sold then
    raise exception 'The plan is not sold now by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists those that are, with isActive.';
  end if;
  perform app_private.require_few_foundings(v_user_id);

  insert into app_public.memberships (tenant_id, user_id, role)
  values (v_tenant.id, v_user_id, 'owner');

  insert into app_public.billing_accounts (tenant_id)
  values (v_tenant.id);

  insert into app_private.billing_intents (
    tenant_id, customer_email, customer_name, price_lookup_key
  )
  select v_tenant.id, users.email, v_name, v_lookup_key
  from app_public.users
  where users.id = v_user_id;

  perform graphile_worker.add_job(
    'stripe_provision_tenant',
    json_build_object('tenant_id', v_tenant.id),
    queue_name => 'stripe_tenant:' || v_tenant.id,
    job_key => 'stripe_provision_tenant:' || v_tenant.id
  );
  return v_tenant;
end;
$$;
comment on function app_public.create_tenant(text, text, text, text) is
  'Founds a tenant owned by the signed-in person. It is "provisioning" until Stripe has answered, '
  'then "incomplete" until the first payment; currentTenant.billing.clientSecret is what to pay '
  'with. Needs no tenant in the token. Called again with the same idempotencyKey it founds nothing '
  'and returns the tenant that it founded; with the same key and another wish: CONFLICT. Beyond 100 '
  'tenants of a person within an hour: RATE_LIMITED.';
alter function app_public.create_tenant(text, text, text, text) owner to app_definer;
revoke all on function app_public.create_tenant(text, text, text, text) from public;
grant execute on function app_public.create_tenant(text, text, text, text) to app_user;
--! EndIncluded 50_billing/create_tenant.sql
--! Included 50_billing/seats.sql
/*
 * Where a price is billed by seat, the number of members is the quantity at Stripe. A change of
 * members books a job, which counts when it runs and sets the absolute number. A sync that finds
 * another number at Stripe books the same job. When Stripe has the right number, as after our own
 * change, nothing is booked: so no change is ever an answer to our own event.
 */
create table if not exists app_private.seat_changes (
  tenant_id          uuid        not null,
  item_id            text        not null,
  lookup_key         text        not null,
  period_start       timestamptz not null,
  paid_quantity      integer     not null,
  quantity           integer     not null,
  proration_behavior text        not null,
  generation         integer     not null,
  is_in_doubt        boolean     not null default false,
  begun_at           timestamptz not null default now(),
  completed_at       timestamptz,
  constraint seat_changes_pkey primary key (tenant_id, item_id),
  constraint seat_changes_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint seat_changes_item_bounded check (char_length(item_id) between 1 and 255),
  constraint seat_changes_quantity_positive check (quantity > 0 and paid_quantity >= 0),
  constraint seat_changes_proration_known
    check (proration_behavior in ('create_prorations', 'none'))
);
comment on table app_private.seat_changes is
  'The last change of quantity that was asked of Stripe for each subscription item billed by seat: '
  'stored before the call, so that a repeated call is word for word the same, under the same key.';
comment on column app_private.seat_changes.paid_quantity is
  'The most seats there were since period_start. They are paid for: one that is filled again within '
  'the period is not charged twice.';
comment on column app_private.seat_changes.generation is
  'Part of the idempotency key, with begun_at. Counts up with each new wish, and when Stripe answered '
  '5xx.';
comment on column app_private.seat_changes.begun_at is
  'When the call was first made. Stripe forgets keys after 24 h; from 23 h on another one is used.';
comment on column app_private.seat_changes.completed_at is
  'When Stripe had the quantity; null while that is not known, and of generation 0 while more seats are '
  'sold than there are.';

alter table app_private.seat_changes enable row level security;
alter table app_private.seat_changes force row level security;
drop policy if exists all_worker on app_private.seat_changes;
create policy all_worker on app_private.seat_changes
  for all to app_worker using (true) with check (true);
drop policy if exists select_definer on app_private.seat_changes;
create policy select_definer on app_private.seat_changes
  for select to app_definer using (true);
revoke all on app_private.seat_changes from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, update on app_private.seat_changes to app_worker;
/* The trigger on memberships asks when the last change was. */
grant select on app_private.seat_changes to app_definer;

create or replace function app_private.counts_seats(p_tenant_id uuid, p_item_id text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_private.seat_changes
    where seat_changes.tenant_id = p_tenant_id
    and seat_changes.item_id = p_item_id
  );
end;
comment on function app_private.counts_seats(uuid, text) is
  'Whether the quantity of this item was a number of seats: should its price come to be one that is '
  'not billed by seat, then that number is nothing that anybody wished for.';
revoke all on function app_private.counts_seats(uuid, text) from public;
grant execute on function app_private.counts_seats(uuid, text) to app_worker;

/*
 * security definer, which spares the worker the right to read who belongs to which tenant: it is
 * told a number.
 */
create or replace function app_private.billed_quantity(p_tenant_id uuid, p_lookup_key text)
  returns integer
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select case
    when exists (
      select
      from app_public.plan_prices
      where plan_prices.lookup_key = p_lookup_key
      and plan_prices.is_billed_by_seat
    ) then (
      select greatest(count(*), 1)::integer
      from app_public.memberships
      where memberships.tenant_id = p_tenant_id
    )
    else 1
  end;
end;
comment on function app_private.billed_quantity(uuid, text) is
  'The quantity in which a tenant is to have a price now: how many members it has where the price is '
  'billed by seat, else 1.';
alter function app_private.billed_quantity(uuid, text) owner to app_definer;
revoke all on function app_private.billed_quantity(uuid, text) from public;
grant execute on function app_private.billed_quantity(uuid, text) to app_worker;
--! EndIncluded 50_billing/seats.sql
--! Included 50_billing/seat_changes.sql
create or replace function app_private.seat_items(p_tenant_id uuid, p_items jsonb)
  returns table (item_id text, lookup_key text)
  language sql stable parallel safe
begin atomic
  select items.item_id, plan_prices.lookup_key
  from jsonb_to_recordset(p_items) as items (item_id text, price_id text, lookup_key text)
  join app_public.plan_prices
    on plan_prices.lookup_key = app_private.plan_lookup_key(items.price_id, items.lookup_key)
  where plan_prices.is_billed_by_seat
  or app_private.counts_seats(p_tenant_id, items.item_id);
end;
comment on function app_private.seat_items(uuid, jsonb) is
  'Those of a subscription''s items, [{ item_id, price_id, lookup_key }], that are billed by seat or '
  'were, with the price that each is of ours.';

create or replace function app_private.begin_seat_change(
  p_tenant_id uuid,
  p_item_id text,
  p_lookup_key text,
  p_current_quantity integer,
  p_period_start timestamptz
)
  returns table (
    quantity integer, proration_behavior text, generation integer, begun_at timestamptz
  )
  language plpgsql volatile parallel unsafe
as $$
declare
  v_wanted constant integer := app_private.billed_quantity(p_tenant_id, p_lookup_key);
  v_known app_private.seat_changes;
  v_next app_private.seat_changes;
  v_gives_back boolean;
begin
  select seat_changes.* into v_known
  from app_private.seat_changes
  where seat_changes.tenant_id = p_tenant_id
  and seat_changes.item_id = p_item_id
  for update;

  /*
   * Sold for more seats than there were, as by a page that was paid after some had left; or the same
   * once more, when it is not known whether that was done.
   */
  v_gives_back := coalesce(
    v_known.completed_at is null
    and v_known.lookup_key = p_lookup_key
    and v_wanted < p_current_quantity
    and (
      v_known.generation = 0 and v_known.quantity = p_current_quantity
      or v_known.proration_behavior = 'create_prorations' and v_known.quantity = v_wanted
    ),
    false
  );

  v_next := v_known;
  v_next.tenant_id := p_tenant_id;
  v_next.item_id := p_item_id;
  v_next.lookup_key := p_lookup_key;
  v_next.period_start := p_period_start;
  v_next.paid_quantity := case
    when v_gives_back then v_wanted
    when (v_known.period_start, v_known.lookup_key) = (p_period_start, p_lookup_key)
      then greatest(v_known.paid_quantity, p_current_quantity)
    else p_current_quantity
  end;
  /* What was paid for is filled first and for nothing; what goes beyond is a step of its own. */
  v_next.quantity := case
    when p_current_quantity < v_next.paid_quantity then least(v_wanted, v_next.paid_quantity)
    else v_wanted
  end;
  v_next.proration_behavior := case
    when v_gives_back then 'create_prorations'
    when v_next.quantity > v_next.paid_quantity then 'create_prorations'
    /* Somebody has left a plan billed by seat: nobody has had the other one so many times. */
    when v_known.lookup_key <> p_lookup_key and v_next.quantity = 1 then 'create_prorations'
    else 'none'
  end;

  if v_wanted = p_current_quantity then
    v_next.completed_at := coalesce(v_known.completed_at, now());
  elsif v_known.completed_at is not null
    or v_known.generation is null
    or v_known.is_in_doubt
    or v_known.begun_at < now() - interval '23 hours'
    or (v_known.quantity, v_known.proration_behavior)
      <> (v_next.quantity, v_next.proration_behavior)
  then
    v_next.generation := coalesce(v_known.generation, 0) + 1;
    v_next.begun_at := now();
    v_next.completed_at := null;
  end if;
  v_next.is_in_doubt := false;

  /* A tenant whose number was always right needs no note. */
  if v_next.generation is null then
    return;
  end if;
  insert into app_private.seat_changes select v_next.*
  on conflict (tenant_id, item_id) do update set
    lookup_key = excluded.lookup_key,
    period_start = excluded.period_start,
    paid_quantity = excluded.paid_quantity,
    quantity = excluded.quantity,
    proration_behavior = excluded.proration_behavior,
    generation = excluded.generation,
    is_in_doubt = excluded.is_in_doubt,
    begun_at = excluded.begun_at,
    completed_at = excluded.completed_at;
  if v_wanted <> p_current_quantity then
    return query
      select v_next.quantity, v_next.proration_behavior, v_next.generation, v_next.begun_at;
  end if;
end;
$$;
comment on function app_private.begin_seat_change(uuid, text, text, integer, timestamptz) is
  'What to set an item''s quantity to, which is p_current_quantity at Stripe; no row when that is '
  'right. Seats that are added are charged for the rest of the period, those that are taken away are '
  'not given back for it, and filling them again within it costs nothing. Those that nobody had when '
  'they were sold are given back.';

create or replace function app_private.end_seat_change(
  p_tenant_id uuid,
  p_item_id text,
  p_generation integer,
  p_is_in_doubt boolean
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.seat_changes set
    completed_at = case when not p_is_in_doubt then now() end,
    paid_quantity = case when p_is_in_doubt
      then seat_changes.paid_quantity
      else greatest(seat_changes.paid_quantity, seat_changes.quantity)
    end,
    is_in_doubt = p_is_in_doubt
  where seat_changes.tenant_id = p_tenant_id
  and seat_changes.item_id = p_item_id
  and seat_changes.generation = p_generation;
end;
comment on function app_private.end_seat_change(uuid, text, integer, boolean) is
  'Notes that Stripe has done what begin_seat_change said, or that it answered 5xx, after which '
  'whether it has is unknown.';

revoke all on function
  app_private.seat_items(uuid, jsonb),
  app_private.begin_seat_change(uuid, text, text, integer, timestamptz),
  app_private.end_seat_change(uuid, text, integer, boolean)
  from public;
grant execute on function
  app_private.seat_items(uuid, jsonb),
  app_private.begin_seat_change(uuid, text, text, integer, timestamptz),
  app_private.end_seat_change(uuid, text, integer, boolean)
  to app_worker;
--! EndIncluded 50_billing/seat_changes.sql
--! Included 50_billing/seat_triggers.sql
create or replace function app_private.request_seat_sync(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * The first of a burst sets the time, and the others fold into it. A minute at least lies between
   * two changes, so that Stripe's limit of 200 an hour is never near.
   */
  select graphile_worker.add_job(
    'stripe_sync_seats',
    json_build_object('tenant_id', tenants.id),
    queue_name => 'stripe_seats:' || tenants.id,
    run_at => greatest(
      now() + interval '5 seconds',
      (
        select max(seat_changes.begun_at) + interval '1 minute'
        from app_private.seat_changes
        where seat_changes.tenant_id = tenants.id
      )
    ),
    job_key => 'stripe_seats:' || tenants.id,
    job_key_mode => 'preserve_run_at'
  )
  from app_public.tenants
  where tenants.id = p_tenant_id
  and tenants.status <> 'closed';
end;
comment on function app_private.request_seat_sync(uuid) is
  'Books that Stripe is told how many members a tenant has.';

create or replace function app_private.has_other_seats(p_tenant_id uuid, p_items jsonb)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from jsonb_to_recordset(p_items)
      as items (id text, price_id text, lookup_key text, quantity bigint)
    join app_public.plan_prices
      on plan_prices.lookup_key = app_private.plan_lookup_key(items.price_id, items.lookup_key)
    where (plan_prices.is_billed_by_seat or app_private.counts_seats(p_tenant_id, items.id))
    and items.quantity <> app_private.billed_quantity(p_tenant_id, plan_prices.lookup_key)
  );
end;
comment on function app_private.has_other_seats(uuid, jsonb) is
  'Whether a subscription with these items is charged for another number of members than there are.';

create or replace function app_private.request_drifted_seats()
  returns bigint
  language sql volatile parallel unsafe
begin atomic
  select count(app_private.request_seat_sync(drifted.tenant_id)::text)
  from (
    select distinct subscriptions.tenant_id
    from app_private.stripe_subscriptions as subscriptions
    where subscriptions.status in ('trialing', 'active', 'past_due')
    and app_private.has_other_seats(subscriptions.tenant_id, subscriptions.items)
  ) as drifted;
end;
comment on function app_private.request_drifted_seats() is
  'Books a change for each tenant that is charged for another number of members than it has, for the '
  'case that a job was given up. Returns how many.';

create or replace function app_private.tg_memberships__sync_seats()
  returns trigger
  language plpgsql volatile
as $$
declare
  v_tenant_id constant uuid := coalesce(new.tenant_id, old.tenant_id);
begin
  if exists (
    select
    from app_public.tenants
    join app_public.plan_prices on plan_prices.plan_key = tenants.plan
    where tenants.id = v_tenant_id
    and plan_prices.is_billed_by_seat
  ) then
    perform app_private.request_seat_sync(v_tenant_id);
  end if;
  return null;
end;
$$;
comment on function app_private.tg_memberships__sync_seats() is
  'Books that Stripe is told of another number of members, where the plan is billed by seat.';

create or replace trigger _500_sync_seats
  after insert or delete on app_public.memberships
  for each row execute function app_private.tg_memberships__sync_seats();

create or replace function app_private.tg_stripe_subscriptions__sync_seats()
  returns trigger
  language plpgsql volatile
as $$
begin
  if app_private.has_other_seats(new.tenant_id, new.items) then
    perform app_private.request_seat_sync(new.tenant_id);
  end if;

  /* Several seats are noted, also when their number needs no change: see counts_seats. */
  insert into app_private.seat_changes (
    tenant_id, item_id, lookup_key, period_start, paid_quantity, quantity, proration_behavior,
    generation, completed_at
  )
  select
    new.tenant_id, items.id, plan_prices.lookup_key, to_timestamp(items.current_period_start),
    items.quantity, items.quantity, 'none', 0,
    case
      when items.quantity <= app_private.billed_quantity(new.tenant_id, plan_prices.lookup_key)
      then now()
    end
  from jsonb_to_recordset(new.items) as items (
    id text, price_id text, lookup_key text, quantity integer, current_period_start double precision
  )
  join app_public.plan_prices
    on plan_prices.lookup_key = app_private.plan_lookup_key(items.price_id, items.lookup_key)
  where plan_prices.is_billed_by_seat
  and items.quantity > 1
  on conflict do nothing;
  return null;
end;
$$;
comment on function app_private.tg_stripe_subscriptions__sync_seats() is
  'Books a correction when Stripe turns out to charge for another number of members, and notes which '
  'quantities are numbers of seats.';

create or replace trigger _500_sync_seats
  after insert or update of status, items on app_private.stripe_subscriptions
  for each row when (new.status in ('trialing', 'active', 'past_due'))
  execute function app_private.tg_stripe_subscriptions__sync_seats();

revoke all on function
  app_private.request_seat_sync(uuid),
  app_private.has_other_seats(uuid, jsonb),
  app_private.request_drifted_seats(),
  app_private.tg_memberships__sync_seats(),
  app_private.tg_stripe_subscriptions__sync_seats()
  from public;
grant execute on function app_private.request_seat_sync(uuid) to app_worker, app_definer;
grant execute on function app_private.tg_memberships__sync_seats() to app_definer;
grant execute on function
  app_private.has_other_seats(uuid, jsonb),
  app_private.request_drifted_seats(),
  app_private.tg_stripe_subscriptions__sync_seats()
  to app_worker;
--! EndIncluded 50_billing/seat_triggers.sql
--! Included 50_billing/meter_events.sql
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
--! EndIncluded 50_billing/meter_events.sql

--! Included 55_billing_requests/tables.sql
create or replace function app_private.billing_turn(p_kind text)
  returns text
  language sql immutable parallel safe
return case when p_kind in ('portal', 'preview') then p_kind else 'subscription' end;
comment on function app_private.billing_turn(text) is
  'What a kind of billing request must not overtake, nor be overtaken by: all that may change the '
  'subscription takes its turn together, pages and prices each among themselves.';
revoke all on function app_private.billing_turn(text) from public;
/* PostgreSQL 15 works the column out anew in every merge, whoever merges. */
grant execute on function app_private.billing_turn(text) to app_definer, app_worker;

create table if not exists app_public.billing_requests (
  tenant_id      uuid             not null,
  id             uuid             not null default uuidv7(),
  kind           text             not null,
  status         text             not null default 'pending',
  requested_by   uuid,
  api_key_id     uuid,
  plan           text,
  "interval"     text,
  flow           text,
  at_period_end  boolean,
  preview_id     uuid,
  success_url    text,
  cancel_url     text,
  return_url     text,
  prorated_at    timestamptz,
  url            text,
  expires_at     timestamptz,
  total          double precision,
  amount_due     double precision,
  currency       text,
  lines          jsonb,
  client_secret  text,
  error_code     text,
  error_message  text,
  created_at     timestamptz      not null default now(),
  finished_at    timestamptz,
  key_generation smallint         not null default 0,
  seats          integer          not null default 1,
  turn           text             not null
    generated always as (app_private.billing_turn(kind)) stored,
  stripe_subscription_id text,
  constraint billing_requests_pkey primary key (tenant_id, id),
  constraint billing_requests_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_requests_kind_known
    check (kind in ('checkout', 'portal', 'preview', 'change', 'cancel', 'resume')),
  constraint billing_requests_status_known check (status in ('pending', 'done', 'failed')),
  constraint billing_requests_error_when_failed
    check ((status = 'failed') = (error_code is not null)),
  constraint billing_requests_error_code_known check (
    error_code in (
      'already_subscribed', 'card_declined', 'expired', 'no_payment_method', 'no_subscription',
      'not_sold', 'paused', 'payment_overdue', 'payment_processing', 'preview_outdated',
      'refused', 'scheduled_change'
    )
  ),
  constraint billing_requests_error_message_bounded check (char_length(error_message) <= 1000),
  constraint billing_requests_plan_bounded check (char_length(plan) <= 40),
  constraint billing_requests_interval_bounded check (char_length("interval") <= 20),
  constraint billing_requests_flow_known
    check (flow in ('payment_method_update', 'subscription_cancel', 'subscription_update')),
  constraint billing_requests_success_url_bounded check (char_length(success_url) <= 2100),
  constraint billing_requests_cancel_url_bounded check (char_length(cancel_url) <= 2100),
  constraint billing_requests_return_url_bounded check (char_length(return_url) <= 2100),
  constraint billing_requests_url_bounded check (char_length(url) <= 5000),
  constraint billing_requests_currency_bounded check (char_length(currency) <= 10),
  constraint billing_requests_client_secret_bounded check (char_length(client_secret) <= 1000),
  constraint billing_requests_seats_positive check (seats > 0),
  constraint billing_requests_stripe_subscription_bounded
    check (char_length(stripe_subscription_id) <= 255)
);
comment on table app_public.billing_requests is
  'What was asked of Stripe for a tenant, and what came of it. For those who may manage billing. The '
  'mutations that make one wait for its end up to ten seconds; after that, read it again.';
comment on column app_public.billing_requests.kind is
  'checkout, portal, preview, change, cancel or resume.';
comment on column app_public.billing_requests.status is
  'pending; done: Stripe has done it; failed: errorCode says why. A failed one is asked again by '
  'the mutation, never by itself.';
comment on column app_public.billing_requests.requested_by is
  'The person who asked; null when an API key did.';
comment on column app_public.billing_requests.api_key_id is
  'The API key that asked; null when a person did.';
comment on column app_public.billing_requests.interval is
  'month or year; null when the interval stays as it is.';
comment on column app_public.billing_requests.flow is
  'What the portal opens with; null for its front page.';
comment on column app_public.billing_requests.at_period_end is
  'Of a cancellation: whether it takes effect when what is paid for is used up, or at once.';
comment on column app_public.billing_requests.preview_id is
  'Of a change: the preview whose amounts it was to have.';
comment on column app_public.billing_requests.prorated_at is
  'The time from which a change is charged. A change after a preview has the preview''s.';
comment on column app_public.billing_requests.url is
  'The page of Stripe''s to send the person to. Whoever has it may use it.';
comment on column app_public.billing_requests.expires_at is 'Until when url is good.';
comment on column app_public.billing_requests.total is
  'Of a preview or a change: the invoice''s total in the currency''s smallest unit. Below zero it is '
  'credited to what is invoiced next.';
comment on column app_public.billing_requests.amount_due is
  'What is charged of total, after credits. A whole number of the currency''s smallest unit.';
comment on column app_public.billing_requests.currency is
  'ISO 4217, in lower case as Stripe writes it.';
comment on column app_public.billing_requests.lines is
  'The invoice''s lines: [{ "description", "amount" }].';
comment on column app_public.billing_requests.client_secret is
  'For Stripe.js to confirm the payment that the request waits for; null when none does.';
comment on column app_public.billing_requests.error_code is
  'Why it failed, for programs; null unless it did. docs/frontend_billing.md lists them.';
comment on column app_public.billing_requests.error_message is 'Why it failed, for people.';
comment on column app_public.billing_requests.key_generation is
  E'@behavior -*\n'
  'Part of the idempotency keys. Counts up when Stripe answered 5xx: it goes on answering so to the '
  'same key.';
comment on column app_public.billing_requests.seats is
  E'@behavior -*\n'
  'How many members the tenant had when it was asked: what is billed by seat is sold for so many. A '
  'change after a preview has the preview''s.';
comment on column app_public.billing_requests.turn is
  E'@behavior -*\n'
  'Requests of one turn are open one at a time in a tenant.';
comment on column app_public.billing_requests.stripe_subscription_id is
  E'@behavior -*\n'
  'The subscription that was meant, and the only one that is acted on: the tenant''s when it was asked, '
  'else the first that the task found. Null for a checkout, and until the task has looked.';
comment on constraint billing_requests_tenant_fkey on app_public.billing_requests is
  E'@behavior -*';
/* At most one open request of a turn and tenant: a second click finds the first one's. */
create unique index if not exists billing_requests_one_open
  on app_public.billing_requests (tenant_id, turn) where status = 'pending';
--! EndIncluded 55_billing_requests/tables.sql
--! Included 55_billing_requests/access.sql
revoke all on app_public.billing_requests
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Not what means nothing to anybody but the task. */
grant
  select (
    tenant_id, id, kind, status, requested_by, api_key_id, plan, "interval", flow, at_period_end,
    preview_id, success_url, cancel_url, return_url, prorated_at, url, expires_at, total,
    amount_due, currency, lines, client_secret, error_code, error_message, created_at, finished_at
  )
  on app_public.billing_requests to app_user;
/* The functions that ask, and put away what is old. */
grant
  select, insert, delete,
  update (status, error_code, error_message, client_secret, finished_at)
  on app_public.billing_requests to app_definer;
/* The task that answers. */
grant
  select,
  update (
    status, success_url, cancel_url, return_url, prorated_at, url, expires_at, total, amount_due,
    currency, lines, client_secret, error_code, error_message, finished_at, key_generation,
    stripe_subscription_id
  )
  on app_public.billing_requests to app_worker;

/* Whether there is a customer, and what it has subscribed to, decides what may be asked. */
grant select (tenant_id, stripe_customer_id, stripe_subscription_id)
  on app_public.billing_accounts to app_definer;
grant select (tenant_id, status) on app_private.stripe_subscriptions to app_definer;
--! EndIncluded 55_billing_requests/access.sql
--! Included 55_billing_requests/policies.sql
alter table app_public.billing_requests enable row level security;
alter table app_public.billing_requests force row level security;
/* Also while the tenant is suspended: it must be able to pay. */
drop policy if exists select_manager on app_public.billing_requests;
create policy select_manager on app_public.billing_requests
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists select_definer on app_public.billing_requests;
create policy select_definer on app_public.billing_requests
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists insert_definer on app_public.billing_requests;
create policy insert_definer on app_public.billing_requests
  for insert to app_definer with check (tenant_id = app_private.member_tenant_id());
drop policy if exists update_definer on app_public.billing_requests;
create policy update_definer on app_public.billing_requests
  for update to app_definer
  using      (tenant_id = app_private.member_tenant_id())
  with check (tenant_id = app_private.member_tenant_id());
drop policy if exists delete_definer on app_public.billing_requests;
create policy delete_definer on app_public.billing_requests
  for delete to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists select_worker on app_public.billing_requests;
create policy select_worker on app_public.billing_requests
  for select to app_worker using (true);
drop policy if exists update_worker on app_public.billing_requests;
create policy update_worker on app_public.billing_requests
  for update to app_worker using (true) with check (true);
--! EndIncluded 55_billing_requests/policies.sql
--! Included 55_billing_requests/checks.sql
/* What the functions that ask Stripe for something look at before they ask. */
create or replace function app_private.begin_billing()
  returns uuid
  language plpgsql stable parallel unsafe
as $$
declare
  v_tenant_id uuid := app_private.member_tenant_id();
begin
  perform app_private.require_permission('billing.manage');
  if app_private.stripe_is_paused() then
    raise exception 'Billing is out of order for the moment'
      using errcode = 'BILUN',
            hint    = 'Try again in a few minutes. Nothing was charged or changed.';
  end if;
  if exists (
    select from app_public.tenants where tenants.id = v_tenant_id and tenants.status = 'closed'
  ) then
    raise exception 'The tenant is closed'
      using errcode = 'CNFLT';
  end if;
  return v_tenant_id;
end;
$$;
comment on function app_private.begin_billing() is
  'The tenant entered, suspended or not, if the caller may manage its billing and Stripe is being '
  'called at all. Raises DNIED, BILUN, CNFLT.';

create or replace function app_private.check_return_url(p_name text, p_url text)
  returns text
  language plpgsql stable parallel safe
as $$
declare
  /* Nothing that browsers read in another way than we do: no user, no backslash, no blank. */
  v_origin text := substring(p_url from '^(https?://[^/?#@\\[:space:][:cntrl:]]+)(?:[/?#]|$)');
begin
  if p_url is null then
    return null;
  end if;
  if v_origin is null
    or char_length(p_url) > 2000
    or p_url ~ '[[:space:][:cntrl:]\\]'
    or not coalesce(
      (nullif(current_setting('app.request', true), '')::jsonb -> 'returnOrigins') ? lower(v_origin),
      false
    )
  then
    raise exception 'A return address must be a page of the application, of at most 2000 characters'
      using errcode = 'INPUT',
            detail  = json_build_object('argument', p_name)::text,
            hint    = 'It must be at APP_URL, PUBLIC_URL or one of CORS_ORIGINS.';
  end if;
  return p_url;
end;
$$;
comment on function app_private.check_return_url(text, text) is
  'The address, if it is one of our own: where people are sent after Stripe must not be for others '
  'to choose. Null stays null. Raises INPUT.';

create or replace function app_private.require_price(p_plan text, p_interval text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (
    select
    from app_public.plan_prices
    where plan_prices.plan_key = p_plan
    and (p_interval is null or plan_prices."interval" = p_interval)
    and plan_prices.is_active
  ) then
    raise exception 'There is no such plan, or it is not sold now by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists them with their prices.';
  end if;
end;
$$;
comment on function app_private.require_price(text, text) is
  'Raises INPUT unless the plan is sold by that interval now; null means by any.';

create or replace function app_private.require_room_in(p_plan text)
  returns void
  language plpgsql stable parallel unsafe
as $$
declare
  v_exceeded json;
begin
  select json_agg(
    json_build_object(
      'feature', entitlements.feature,
      'limit', coalesce(granted.quota, 0),
      'used', entitlements.used
    )
    order by entitlements.feature
  )
  into v_exceeded
  from app_public.entitlements
  left join (
    select plan_features.feature_key, plan_features.quota
    from app_public.plan_features
    where plan_features.plan_key = p_plan
    and plan_features.is_enabled
  ) as granted on granted.feature_key = entitlements.feature
  where entitlements.kind = 'count'
  and entitlements.used > 0
  /* Without a row the plan has none of it; with a null it has no limit. */
  and (granted.feature_key is null or entitlements.used > granted.quota)
  and not exists (
    select
    from app_private.feature_overrides
    where feature_overrides.tenant_id = app_private.member_tenant_id()
    and feature_overrides.feature_key = entitlements.feature
    and (feature_overrides.expires_at is null or feature_overrides.expires_at > now())
  );
  if v_exceeded is not null then
    raise exception 'The plan is too small for what the tenant has now'
      using errcode = 'QUOTA',
            detail  = (
                        (v_exceeded -> 0)::jsonb
                        || jsonb_build_object('resetsAt', null, 'exceeded', v_exceeded)
                      )::text,
            hint    = 'Remove what is too much, or choose a larger plan.';
  end if;
end;
$$;
comment on function app_private.require_room_in(text) is
  'Raises QUOTA, naming each feature, if the tenant has more of something countable than the plan '
  'allows.';

create or replace function app_private.require_subscription(p_statuses text[])
  returns void
  language plpgsql stable parallel unsafe
as $$
begin
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = app_private.member_tenant_id()
    and stripe_subscriptions.status = any (p_statuses)
  ) then
    return;
  end if;
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = app_private.member_tenant_id()
    and stripe_subscriptions.status in ('past_due', 'unpaid')
  ) then
    raise exception 'What is owed must be paid first'
      using errcode = 'CNFLT',
            hint    = 'createBillingPortalSession leads to the open invoices.';
  end if;
  raise exception 'There is no subscription for that'
    using errcode = 'CNFLT',
          hint    = 'createCheckoutSession begins one.';
end;
$$;
comment on function app_private.require_subscription(text[]) is
  'Raises CNFLT unless the tenant has a subscription in one of these statuses, as far as we know: '
  'the task asks Stripe again.';

create or replace function app_private.refuse_second_subscription()
  returns void
  language plpgsql stable parallel unsafe
as $$
begin
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = app_private.member_tenant_id()
    /* A status that Stripe adds tomorrow counts: it may be one that is paid for. */
    and stripe_subscriptions.status not in ('incomplete', 'incomplete_expired', 'canceled')
  ) then
    raise exception 'The tenant has a subscription already'
      using errcode = 'CNFLT',
            hint    = 'changePlan changes it; createBillingPortalSession leads to what is owed.';
  end if;
end;
$$;
comment on function app_private.refuse_second_subscription() is
  'Raises CNFLT if the tenant has a subscription that is alive, as far as we know: the task asks '
  'Stripe again.';

revoke all on function
  app_private.begin_billing(),
  app_private.check_return_url(text, text),
  app_private.require_price(text, text),
  app_private.require_room_in(text),
  app_private.require_subscription(text[]),
  app_private.refuse_second_subscription()
  from public;
grant execute on function
  app_private.begin_billing(),
  app_private.check_return_url(text, text),
  app_private.require_price(text, text),
  app_private.require_room_in(text),
  app_private.require_subscription(text[]),
  app_private.refuse_second_subscription()
  to app_definer;
--! EndIncluded 55_billing_requests/checks.sql
--! Included 55_billing_requests/book.sql
create or replace function app_private.put_away_billing_requests()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Nobody waits any more; its job would find it so, but may itself be held up. */
  perform app_private.end_billing_request_if_late(billing_requests)
  from app_public.billing_requests
  where billing_requests.tenant_id = app_private.member_tenant_id()
  and billing_requests.status = 'pending'
  order by billing_requests.id;

  delete from app_public.billing_requests
  where billing_requests.tenant_id = app_private.member_tenant_id()
  and billing_requests.finished_at < now() - interval '90 days';
end;
$$;
comment on function app_private.put_away_billing_requests() is
  'Ends the tenant''s requests that are late, and deletes those done with for 90 days.';

create or replace function app_private.asks_the_same(
  p_wanted app_public.billing_requests,
  p_open app_public.billing_requests
)
  returns boolean
  language sql stable parallel safe
/* What was left out has a default, which the task may have filled in meanwhile. */
return (
    p_wanted.kind, p_wanted.plan, p_wanted."interval", p_wanted.flow, p_wanted.at_period_end,
    p_wanted.preview_id
  ) is not distinct from (
    p_open.kind, p_open.plan, p_open."interval", p_open.flow, p_open.at_period_end,
    p_open.preview_id
  )
  and coalesce(p_wanted.success_url, p_open.success_url) is not distinct from p_open.success_url
  and coalesce(p_wanted.cancel_url, p_open.cancel_url) is not distinct from p_open.cancel_url
  and coalesce(p_wanted.return_url, p_open.return_url) is not distinct from p_open.return_url
  and coalesce(p_wanted.stripe_subscription_id, p_open.stripe_subscription_id)
    is not distinct from p_open.stripe_subscription_id;
comment on function app_private.asks_the_same(
  app_public.billing_requests, app_public.billing_requests
) is 'Whether an open request will do for what is wanted.';

create or replace function app_private.subscription_to_mean()
  returns text
  language sql stable parallel safe
begin atomic
  select billing_accounts.stripe_subscription_id
  from app_public.billing_accounts
  where billing_accounts.tenant_id = app_private.member_tenant_id();
end;
comment on function app_private.subscription_to_mean() is
  'The subscription that whoever asks now looks at: what is done about it later is done to this one.';

create or replace function app_private.refuse_beside_open_request(
  p_open app_public.billing_requests
)
  returns void
  language plpgsql immutable parallel safe
as $$
begin
  raise exception '%', case p_open.kind
      when 'checkout' then 'A checkout is being prepared'
      when 'portal' then 'Another page of the billing portal is being prepared'
      when 'preview' then 'Another preview is being worked on'
      when 'change' then 'A change of the plan is being worked on'
      when 'cancel' then 'A cancellation is being worked on'
      when 'resume' then 'A resumption is being worked on'
      else 'Another request is being worked on'
    end
    using errcode = 'CNFLT',
          detail  = json_build_object('billingRequestId', p_open.id, 'kind', p_open.kind)::text,
          hint    = 'Try again when it is settled. The query "billingRequest" tells.';
end;
$$;
comment on function app_private.refuse_beside_open_request(app_public.billing_requests) is
  'Raises CNFLT, naming the request that must come to an end first.';

/*
 * At most one request that changes the subscription is open in a tenant, and one of each other kind:
 * the unique index decides the race, and whoever comes second gets the first one's, if it asks for
 * the same. Nothing else keeps their order: one that Stripe did not answer is tried again later, and
 * its queue goes on without it; a cancellation would undo the resumption that was asked for after it.
 */
create or replace function app_private.book_billing_request(p_wanted app_public.billing_requests)
  returns app_public.billing_requests
  language plpgsql volatile parallel unsafe
as $$
declare
  v_limit constant integer := 100;
  v_tenant_id uuid := app_private.member_tenant_id();
  v_request app_public.billing_requests;
  v_open app_public.billing_requests;
begin
  if p_wanted.kind = 'checkout' then
    perform app_private.lock_offers(v_tenant_id);
  else
    p_wanted.stripe_subscription_id := app_private.subscription_to_mean();
  end if;
  perform app_private.put_away_billing_requests();
  if v_limit <= (
    select count(*)
    from app_public.billing_requests
    where billing_requests.tenant_id = v_tenant_id
    and billing_requests.created_at > now() - interval '1 hour'
  ) then
    raise exception 'Too many billing requests within an hour'
      using errcode = 'RATED',
            hint    = 'Try again later.';
  end if;

  /* Twice, because the open request may end between the two statements. */
  for v_try in 1..2 loop
    insert into app_public.billing_requests (
      tenant_id, kind, requested_by, api_key_id, plan, "interval", flow, at_period_end, preview_id,
      success_url, cancel_url, return_url, prorated_at, stripe_subscription_id, seats
    )
    values (
      v_tenant_id,
      p_wanted.kind,
      nullif(current_setting('app.current_user_id', true), '')::uuid,
      nullif(current_setting('app.api_key_id', true), '')::uuid,
      p_wanted.plan, p_wanted."interval", p_wanted.flow, p_wanted.at_period_end,
      p_wanted.preview_id, p_wanted.success_url, p_wanted.cancel_url, p_wanted.return_url,
      p_wanted.prorated_at, p_wanted.stripe_subscription_id,
      coalesce(
        p_wanted.seats,
        (
          select greatest(count(*), 1)
          from app_public.memberships
          where memberships.tenant_id = v_tenant_id
        )
      )
    )
    on conflict (tenant_id, turn) where status = 'pending' do nothing
    returning billing_requests.* into v_request;
    exit when found;

    select billing_requests.* into v_open
    from app_public.billing_requests
    where billing_requests.tenant_id = v_tenant_id
    and billing_requests.turn = app_private.billing_turn(p_wanted.kind)
    and billing_requests.status = 'pending';
    if found and not app_private.asks_the_same(p_wanted, v_open) then
      exit;
    elsif found then
      return v_open;
    end if;
  end loop;
  if v_request.id is null then
    perform app_private.refuse_beside_open_request(v_open);
  end if;

  /* In the customer's queue, so that it and the customer's sync come one after the other. */
  perform graphile_worker.add_job(
    'run_billing_request',
    json_build_object('tenant_id', v_tenant_id, 'request_id', v_request.id),
    queue_name => coalesce(
      (
        select 'stripe_customer:' || billing_accounts.stripe_customer_id
        from app_public.billing_accounts
        where billing_accounts.tenant_id = v_tenant_id
      ),
      'billing_request:' || v_tenant_id
    ),
    job_key => 'billing_request:' || v_request.id
  );
  perform app_private.notify_tenant(v_tenant_id, 'billing_request', v_request.id);
  return v_request;
end;
$$;
comment on function app_private.book_billing_request(app_public.billing_requests) is
  'Books what is wanted of Stripe for the tenant entered, and the job that asks for it; or returns '
  'the open request for the same. Raises CNFLT when one that must come first is open, RATED.';

revoke all on function
  app_private.put_away_billing_requests(),
  app_private.asks_the_same(app_public.billing_requests, app_public.billing_requests),
  app_private.subscription_to_mean(),
  app_private.refuse_beside_open_request(app_public.billing_requests),
  app_private.book_billing_request(app_public.billing_requests)
  from public;
grant execute on function
  app_private.put_away_billing_requests(),
  app_private.asks_the_same(app_public.billing_requests, app_public.billing_requests),
  app_private.subscription_to_mean(),
  app_private.refuse_beside_open_request(app_public.billing_requests),
  app_private.book_billing_request(app_public.billing_requests)
  to app_definer;
--! EndIncluded 55_billing_requests/book.sql
--! Included 55_billing_requests/requests.sql
/*
 * What may be asked of Stripe. The functions are security definer: nobody writes requests, and what
 * the tenant has at Stripe is not for everyone to read. Each works in the tenant entered only, also
 * while it is suspended, for whoever may manage its billing. None speaks to Stripe: a task does, and
 * its answer stands in the request (server/graphile_billing.ts waits for it).
 */
create or replace function app_public.create_checkout_session(
  plan text,
  "interval" text default 'month',
  success_url text default null,
  cancel_url text default null
)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'checkout';
  v_wanted.plan := create_checkout_session.plan;
  v_wanted."interval" := coalesce(create_checkout_session."interval", 'month');
  v_wanted.success_url := app_private.check_return_url(
    'successUrl', create_checkout_session.success_url
  );
  v_wanted.cancel_url := app_private.check_return_url(
    'cancelUrl', create_checkout_session.cancel_url
  );
  perform app_private.require_price(v_wanted.plan, v_wanted."interval");
  perform app_private.refuse_second_subscription();
  perform app_private.require_room_in(v_wanted.plan);
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.create_checkout_session(text, text, text, text) is
  'Asks for a page of Stripe''s on which to subscribe: billingRequest.url. For a tenant that has no '
  'subscription, or none any more. Asked again, it answers with the page that is still open. What '
  'comes of it is told by currentTenant, not by the address that people come back to. Needs '
  'billing.manage. Errors: CONFLICT, LIMIT_EXCEEDED, BAD_USER_INPUT, BILLING_UNAVAILABLE.';
alter function app_public.create_checkout_session(text, text, text, text) owner to app_definer;
revoke all on function app_public.create_checkout_session(text, text, text, text) from public;
grant execute on function app_public.create_checkout_session(text, text, text, text) to app_user;

create or replace function app_public.create_billing_portal_session(
  return_url text default null,
  flow text default null
)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'portal';
  v_wanted.return_url := app_private.check_return_url(
    'returnUrl', create_billing_portal_session.return_url
  );
  v_wanted.flow := create_billing_portal_session.flow;
  if v_wanted.flow not in ('payment_method_update', 'subscription_cancel', 'subscription_update')
  then
    raise exception '"flow" must be payment_method_update, subscription_cancel or '
      'subscription_update'
      using errcode = 'INPUT';
  end if;
  if v_wanted.flow in ('subscription_cancel', 'subscription_update') then
    perform app_private.require_subscription(array['trialing', 'active', 'past_due', 'paused']);
  end if;
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.create_billing_portal_session(text, text) is
  'Asks for a page of Stripe''s on which to manage cards, invoices and the subscription: '
  'billingRequest.url, good for a few minutes. flow opens it at one thing: payment_method_update, '
  'subscription_cancel or subscription_update. Needs billing.manage. Errors: CONFLICT, '
  'BAD_USER_INPUT, BILLING_UNAVAILABLE.';
alter function app_public.create_billing_portal_session(text, text) owner to app_definer;
revoke all on function app_public.create_billing_portal_session(text, text) from public;
grant execute on function app_public.create_billing_portal_session(text, text) to app_user;

create or replace function app_public.preview_plan_change(plan text, "interval" text default null)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'preview';
  v_wanted.plan := preview_plan_change.plan;
  v_wanted."interval" := preview_plan_change."interval";
  v_wanted.prorated_at := date_trunc('second', now());
  perform app_private.require_price(v_wanted.plan, v_wanted."interval");
  perform app_private.require_subscription(array['trialing', 'active']);
  perform app_private.require_room_in(v_wanted.plan);
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.preview_plan_change(text, text) is
  'Asks what changing to a plan would cost now: billingRequest.total, amountDue, lines. Within an '
  'hour, changePlan with its rowId as previewId charges exactly that. interval null keeps the one '
  'there is. Needs billing.manage. Errors: as changePlan.';
alter function app_public.preview_plan_change(text, text) owner to app_definer;
revoke all on function app_public.preview_plan_change(text, text) from public;
grant execute on function app_public.preview_plan_change(text, text) to app_user;

create or replace function app_public.change_plan(
  plan text,
  "interval" text default null,
  preview_id uuid default null
)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'change';
  v_wanted.plan := change_plan.plan;
  v_wanted."interval" := change_plan."interval";
  v_wanted.preview_id := change_plan.preview_id;
  v_wanted.prorated_at := date_trunc('second', now());
  perform app_private.require_price(v_wanted.plan, v_wanted."interval");
  if v_wanted.preview_id is not null then
    /* Any other time would let a plan be had for less: at a period's end it costs nothing. */
    select billing_requests.prorated_at, billing_requests.seats
    into v_wanted.prorated_at, v_wanted.seats
    from app_public.billing_requests
    where billing_requests.tenant_id = app_private.member_tenant_id()
    and billing_requests.id = v_wanted.preview_id
    and billing_requests.kind = 'preview'
    and billing_requests.status = 'done'
    and billing_requests.plan = v_wanted.plan
    and billing_requests."interval" is not distinct from v_wanted."interval"
    and billing_requests.stripe_subscription_id
      is not distinct from app_private.subscription_to_mean()
    and billing_requests.created_at > now() - interval '1 hour';
    if not found then
      raise exception 'There is no such preview of this plan, or it is older than an hour'
        using errcode = 'INPUT',
              hint    = 'Ask again what it would cost: previewPlanChange.';
    end if;
  end if;
  perform app_private.require_subscription(array['trialing', 'active']);
  perform app_private.require_room_in(v_wanted.plan);
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.change_plan(text, text, uuid) is
  'Changes the plan at once; the difference for the rest of the period is charged, or credited, at '
  'once. If billingRequest.clientSecret is set, the change waits for that payment to be confirmed. '
  'interval null keeps the one there is. Needs billing.manage. Errors: CONFLICT without a '
  'subscription or while something is owed, LIMIT_EXCEEDED { feature, limit, used, exceeded } when '
  'the plan is too small, BAD_USER_INPUT, BILLING_UNAVAILABLE.';
alter function app_public.change_plan(text, text, uuid) owner to app_definer;
revoke all on function app_public.change_plan(text, text, uuid) from public;
grant execute on function app_public.change_plan(text, text, uuid) to app_user;

create or replace function app_public.cancel_subscription(at_period_end boolean default true)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'cancel';
  v_wanted.at_period_end := coalesce(cancel_subscription.at_period_end, true);
  perform app_private.require_subscription(
    array['incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused']
  );
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.cancel_subscription(boolean) is
  'Ends the subscription when what is paid for is used up; with atPeriodEnd false at once, and then '
  'nothing is paid back. Needs billing.manage. Errors: CONFLICT without a subscription, '
  'BILLING_UNAVAILABLE.';
alter function app_public.cancel_subscription(boolean) owner to app_definer;
revoke all on function app_public.cancel_subscription(boolean) from public;
grant execute on function app_public.cancel_subscription(boolean) to app_user;

create or replace function app_public.resume_subscription()
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'resume';
  perform app_private.require_subscription(
    array['trialing', 'active', 'past_due', 'unpaid', 'paused']
  );
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.resume_subscription() is
  'Takes back a cancellation that has not taken effect yet, or ends a pause. Needs billing.manage. '
  'Errors: CONFLICT without a subscription, BILLING_UNAVAILABLE.';
alter function app_public.resume_subscription() owner to app_definer;
revoke all on function app_public.resume_subscription() from public;
grant execute on function app_public.resume_subscription() to app_user;
--! EndIncluded 55_billing_requests/requests.sql
--! Included 55_billing_requests/run.sql
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
--! EndIncluded 55_billing_requests/run.sql
--! Included 55_billing_requests/expiry.sql
/* A request that nobody could carry out within an hour. Whoever asked has gone by then. */
create or replace function app_private.billing_request_is_late(
  p_request app_public.billing_requests
)
  returns boolean
  language sql stable parallel safe
return p_request.status = 'pending' and p_request.created_at < now() - interval '1 hour';
comment on function app_private.billing_request_is_late(app_public.billing_requests) is
  'Whether a request is open and will never be carried out, whatever becomes of its job.';

create or replace function app_private.end_billing_request_if_late(
  p_request app_public.billing_requests
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.fail_billing_request(
    p_request.tenant_id, p_request.id, 'expired', 'Nothing was done within an hour. Ask again.'
  )
  where app_private.billing_request_is_late(p_request);
end;
comment on function app_private.end_billing_request_if_late(app_public.billing_requests) is
  'Ends a request that is late, and tells whoever watches it.';

create or replace function app_private.end_late_billing_requests()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.end_billing_request_if_late(billing_requests)
  from app_public.billing_requests
  where billing_requests.status = 'pending'
  /* What is being carried out was begun in time, and may just have been done. */
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'billing_request:' || billing_requests.id
    and jobs.locked_at is not null
  )
  order by billing_requests.tenant_id, billing_requests.id;
end;
comment on function app_private.end_late_billing_requests() is
  'Ends what is late in all tenants, also what has no job any more: one that was dismissed or lost.';

revoke all on function
  app_private.billing_request_is_late(app_public.billing_requests),
  app_private.end_billing_request_if_late(app_public.billing_requests),
  app_private.end_late_billing_requests()
  from public;
grant execute on function
  app_private.billing_request_is_late(app_public.billing_requests),
  app_private.end_billing_request_if_late(app_public.billing_requests)
  to app_definer, app_worker;
grant execute on function app_private.end_late_billing_requests() to app_worker;
--! EndIncluded 55_billing_requests/expiry.sql

--! Included 60_billing_mails/tables.sql
create table if not exists app_private.billing_mails (
  tenant_id  uuid        not null,
  id         uuid        not null default uuidv7(),
  kind       text        not null,
  about      text        not null,
  occasion   text        not null,
  status     text        not null default 'booked',
  booked_at  timestamptz not null default now(),
  settled_at timestamptz,
  constraint billing_mails_pkey primary key (tenant_id, id),
  /* The whole guard against telling something twice: an occasion has one row, whoever saw it. */
  constraint billing_mails_once unique (tenant_id, kind, about, occasion),
  constraint billing_mails_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_mails_kind_known
    check (kind in ('payment_failed', 'trial_will_end', 'suspended', 'reactivated')),
  constraint billing_mails_status_known check (status in ('booked', 'sent', 'stale')),
  constraint billing_mails_about_bounded check (char_length(about) between 1 and 255),
  constraint billing_mails_occasion_bounded check (char_length(occasion) between 1 and 100)
);
comment on table app_private.billing_mails is
  'What a tenant''s payers are told by mail, each occasion once. Written in the transaction that '
  'writes the state it tells of; send_billing_mail sends it.';
comment on column app_private.billing_mails.about is
  'Stripe''s id of the invoice (payment_failed) or the subscription (trial_will_end); the tenant''s '
  'own id for the others.';
comment on column app_private.billing_mails.occasion is
  'What makes it another mail about the same: the invoice''s attempt_count, the trial''s end, the '
  'time of the change; times in Unix seconds.';
comment on column app_private.billing_mails.status is
  'booked: not yet for everybody. sent: nobody is left to tell. stale: when it was to be sent, it was '
  'not so any more.';
comment on column app_private.billing_mails.settled_at is
  'When it was sent or found stale; null while it is booked.';

create table if not exists app_private.billing_mail_deliveries (
  tenant_id  uuid        not null,
  mail_id    uuid        not null,
  user_id    uuid        not null,
  outcome    text        not null,
  settled_at timestamptz not null default now(),
  constraint billing_mail_deliveries_pkey primary key (tenant_id, mail_id, user_id),
  constraint billing_mail_deliveries_mail_fkey
    foreign key (tenant_id, mail_id)
    references app_private.billing_mails (tenant_id, id) on delete cascade,
  constraint billing_mail_deliveries_user_fkey
    foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint billing_mail_deliveries_outcome_known check (outcome in ('sent', 'refused'))
);
comment on table app_private.billing_mail_deliveries is
  'Who has been sent a billing mail, so that a job that is run again goes on with the others.';
comment on column app_private.billing_mail_deliveries.outcome is
  'refused: the mail server will never take it for this address.';
/* Serves the foreign key. */
create index if not exists billing_mail_deliveries_user_idx
  on app_private.billing_mail_deliveries (user_id, tenant_id);
--! EndIncluded 60_billing_mails/tables.sql
--! Included 60_billing_mails/access.sql
revoke all on app_private.billing_mails, app_private.billing_mail_deliveries
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Whoever writes what Stripe says books, and that is the worker alone. */
grant
  select,
  insert (tenant_id, kind, about, occasion),
  update (status, settled_at)
  on app_private.billing_mails to app_worker;
grant
  select,
  insert (tenant_id, mail_id, user_id, outcome)
  on app_private.billing_mail_deliveries to app_worker;
--! EndIncluded 60_billing_mails/access.sql
--! Included 60_billing_mails/policies.sql
alter table app_private.billing_mails enable row level security;
alter table app_private.billing_mails force row level security;
drop policy if exists all_worker on app_private.billing_mails;
create policy all_worker on app_private.billing_mails
  for all to app_worker using (true) with check (true);

alter table app_private.billing_mail_deliveries enable row level security;
alter table app_private.billing_mail_deliveries force row level security;
drop policy if exists all_worker on app_private.billing_mail_deliveries;
create policy all_worker on app_private.billing_mail_deliveries
  for all to app_worker using (true) with check (true);
--! EndIncluded 60_billing_mails/policies.sql
--! Included 60_billing_mails/booking.sql
create or replace function app_private.book_billing_mail(
  p_tenant_id uuid,
  p_kind text,
  p_about text,
  p_occasion text,
  p_run_at timestamptz default now()
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_mail_id uuid;
begin
  insert into app_private.billing_mails (tenant_id, kind, about, occasion)
  values (p_tenant_id, p_kind, p_about, p_occasion)
  /* What was not sent because it was not true then may be true again: it is looked at anew. */
  on conflict on constraint billing_mails_once do update set
    status = 'booked',
    settled_at = null
    where billing_mails.status = 'stale'
  returning billing_mails.id into v_mail_id;
  if found then
    perform graphile_worker.add_job(
      'send_billing_mail',
      json_build_object('tenant_id', p_tenant_id, 'mail_id', v_mail_id),
      run_at => p_run_at,
      job_key => 'billing_mail:' || v_mail_id
    );
  end if;
end;
$$;
comment on function app_private.book_billing_mail(uuid, text, text, text, timestamptz) is
  'Books a mail to a tenant''s payers together with its job, unless it was booked before and is not '
  'stale.';

create or replace function app_private.seconds_of(p_time timestamptz)
  returns text
  language sql immutable parallel safe
return extract(epoch from p_time)::text;
comment on function app_private.seconds_of(timestamptz) is
  'A time as a text that is the same in every time zone.';

revoke all on function
  app_private.book_billing_mail(uuid, text, text, text, timestamptz),
  app_private.seconds_of(timestamptz)
  from public;
grant execute on function
  app_private.book_billing_mail(uuid, text, text, text, timestamptz),
  app_private.seconds_of(timestamptz)
  to app_worker;
--! EndIncluded 60_billing_mails/booking.sql
--! Included 60_billing_mails/triggers.sql
/*
 * Each mail is booked by what the database comes to say, in the same transaction, and never by an
 * event: events come twice, late, or not at all.
 */
create or replace function app_private.tg_tenants__book_mail()
  returns trigger
  language plpgsql volatile
as $$
begin
  /*
   * Whose access was taken has that booked as the last of the two kinds, however long ago, and
   * whatever the tenant was in between. Who is let in for the first time has neither.
   */
  if new.status <> 'suspended' and 'suspended' is distinct from (
    select mails.kind
    from app_private.billing_mails as mails
    where mails.tenant_id = new.id
    and mails.kind in ('suspended', 'reactivated')
    order by mails.occasion::numeric desc
    limit 1
  ) then
    return null;
  end if;
  /* The time while the row is locked, so that of two changes the later one has the later time. */
  perform app_private.book_billing_mail(
    new.id,
    case when new.status = 'suspended' then 'suspended' else 'reactivated' end,
    new.id::text,
    app_private.seconds_of(clock_timestamp())
  );
  return null;
end;
$$;
comment on function app_private.tg_tenants__book_mail() is
  'Books the mail that a tenant is suspended, or that it is back.';

/* Who never had access is not told that it is gone. */
create or replace trigger _500_book_suspended_mail
  after update of status on app_public.tenants
  for each row when (
    old.status in ('trialing', 'active', 'past_due') and new.status = 'suspended'
  )
  execute function app_private.tg_tenants__book_mail();

create or replace trigger _500_book_reactivated_mail
  after update of status on app_public.tenants
  for each row when (
    old.status not in ('trialing', 'active', 'past_due')
    and new.status in ('trialing', 'active', 'past_due')
  )
  execute function app_private.tg_tenants__book_mail();

create or replace function app_private.tg_stripe_subscriptions__book_mail()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.book_billing_mail(
    new.tenant_id,
    'trial_will_end',
    new.id,
    app_private.seconds_of(new.trial_end),
    new.trial_end - interval '3 days'
  );
  return null;
end;
$$;
comment on function app_private.tg_stripe_subscriptions__book_mail() is
  'Books the reminder that a trial ends, for three days before. Stripe''s own event of that name says '
  'nothing that is not here already; it also comes when somebody ends a trial early.';

create or replace trigger _500_book_trial_will_end_mail
  after insert or update of status, trial_end on app_private.stripe_subscriptions
  for each row when (new.status = 'trialing' and new.trial_end > now())
  execute function app_private.tg_stripe_subscriptions__book_mail();

/*
 * Stripe counts an attempt also for a payment that a bank takes days to make. The subscription tells
 * those apart: it is past due only once the payment failed. It may be written before the invoice or
 * after it, so both ask.
 */
create or replace function app_private.book_payment_failed_mails(
  p_tenant_id uuid,
  p_subscription_id text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.book_billing_mail(
    invoices.tenant_id, 'payment_failed', invoices.id, invoices.attempt_count::text
  )
  from app_public.invoices
  join app_private.stripe_subscriptions as subscriptions
    on subscriptions.tenant_id = invoices.tenant_id
    and subscriptions.id = invoices.subscription_id
  where invoices.tenant_id = p_tenant_id
  and invoices.subscription_id = p_subscription_id
  and invoices.status = 'open'
  and invoices.attempt_count > 0
  /* The first payment is made by somebody who is looking at the form. */
  and invoices.billing_reason is distinct from 'subscription_create'
  and subscriptions.status = 'past_due';
end;
comment on function app_private.book_payment_failed_mails(uuid, text) is
  'Books a mail for each failed attempt to collect what a subscription owes.';

create or replace function app_private.tg_invoices__book_mail()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.book_payment_failed_mails(new.tenant_id, new.subscription_id);
  return null;
end;
$$;
comment on function app_private.tg_invoices__book_mail() is
  'Books the mail that a payment failed, when the invoice tells.';

create or replace trigger _500_book_payment_failed_mail
  after insert or update on app_public.invoices
  for each row when (new.status = 'open' and new.attempt_count > 0)
  execute function app_private.tg_invoices__book_mail();

create or replace function app_private.tg_stripe_subscriptions__book_failure()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.book_payment_failed_mails(new.tenant_id, new.id);
  return null;
end;
$$;
comment on function app_private.tg_stripe_subscriptions__book_failure() is
  'Books the mail that a payment failed, when the subscription tells.';

create or replace trigger _500_book_payment_failed_mail
  after insert or update on app_private.stripe_subscriptions
  for each row when (new.status = 'past_due')
  execute function app_private.tg_stripe_subscriptions__book_failure();

revoke all on function
  app_private.tg_tenants__book_mail(),
  app_private.tg_stripe_subscriptions__book_mail(),
  app_private.book_payment_failed_mails(uuid, text),
  app_private.tg_invoices__book_mail(),
  app_private.tg_stripe_subscriptions__book_failure()
  from public;
grant execute on function
  app_private.tg_tenants__book_mail(),
  app_private.tg_stripe_subscriptions__book_mail(),
  app_private.book_payment_failed_mails(uuid, text),
  app_private.tg_invoices__book_mail(),
  app_private.tg_stripe_subscriptions__book_failure()
  to app_worker;
--! EndIncluded 60_billing_mails/triggers.sql
--! Included 60_billing_mails/sending.sql
/*
 * security definer, which spares the worker the right to read who belongs to which tenant: it is told
 * the payers of the one that it has a mail for.
 */
create or replace function app_private.billing_recipients(p_tenant_id uuid)
  returns table (user_id uuid, email text)
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.id, users.email
  from app_public.memberships
  join app_public.role_permissions
    on role_permissions.role_key = memberships.role
    and role_permissions.permission = 'billing.manage'
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = p_tenant_id;
end;
comment on function app_private.billing_recipients(uuid) is
  'Those of a tenant''s members who may manage its billing now, with their addresses.';
alter function app_private.billing_recipients(uuid) owner to app_definer;

create or replace function app_private.is_billing_mail_true(p_tenant_id uuid, p_mail_id uuid)
  returns boolean
  language sql stable parallel safe
begin atomic
  select case mails.kind
    when 'payment_failed' then
      /* A tenant that is suspended meanwhile gets the mail that says so. */
      tenants.status in ('trialing', 'active', 'past_due')
      and exists (
        select
        from app_public.invoices
        where invoices.tenant_id = mails.tenant_id
        and invoices.id = mails.about
        and invoices.status = 'open'
        and invoices.amount_remaining > 0
        and invoices.attempt_count::text = mails.occasion
      )
    when 'trial_will_end' then
      tenants.status <> 'closed'
      and exists (
        select
        from app_private.stripe_subscriptions as subscriptions
        where subscriptions.tenant_id = mails.tenant_id
        and subscriptions.id = mails.about
        and subscriptions.status = 'trialing'
        and subscriptions.trial_end > now()
        and app_private.seconds_of(subscriptions.trial_end) = mails.occasion
        /* Who has cancelled already need not be warned of a charge. */
        and (subscriptions.cancel_at is null or subscriptions.cancel_at > subscriptions.trial_end)
      )
    else
      (tenants.status = 'suspended') = (mails.kind = 'suspended')
      and tenants.status in ('trialing', 'active', 'past_due', 'suspended')
      /* Of several changes, the last is what counts. */
      and not exists (
        select
        from app_private.billing_mails as later
        where later.tenant_id = mails.tenant_id
        and later.kind in ('suspended', 'reactivated')
        and later.occasion::numeric > mails.occasion::numeric
      )
  end
  from app_private.billing_mails as mails
  join app_public.tenants on tenants.id = mails.tenant_id
  where mails.tenant_id = p_tenant_id
  and mails.id = p_mail_id;
end;
comment on function app_private.is_billing_mail_true(uuid, uuid) is
  'Whether what a billing mail tells is still so.';

create or replace function app_private.open_billing_mail(p_tenant_id uuid, p_mail_id uuid)
  returns table (
    kind text,
    occurred_at timestamptz,
    tenant_name text,
    plan_name text,
    access_reason text,
    grace_ends_at timestamptz,
    trial_ends_at timestamptz,
    invoice_number text,
    amount_due double precision,
    currency text,
    next_payment_attempt_at timestamptz,
    recipients json
  )
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.billing_mails set
    status = 'stale',
    settled_at = now()
  where billing_mails.tenant_id = p_tenant_id
  and billing_mails.id = p_mail_id
  and billing_mails.status = 'booked'
  and not app_private.is_billing_mail_true(p_tenant_id, p_mail_id);

  return query
  select
    mails.kind,
    mails.booked_at,
    tenants.name,
    plans.name,
    tenants.access_reason,
    tenants.grace_ends_at,
    subscriptions.trial_end,
    invoices.number,
    invoices.amount_remaining::double precision,
    invoices.currency,
    invoices.next_payment_attempt_at,
    coalesce(
      (
        select json_agg(json_build_object('user_id', recipients.user_id, 'email', recipients.email))
        from app_private.billing_recipients(p_tenant_id) as recipients
        where not exists (
          select
          from app_private.billing_mail_deliveries as deliveries
          where deliveries.tenant_id = p_tenant_id
          and deliveries.mail_id = p_mail_id
          and deliveries.user_id = recipients.user_id
        )
      ),
      '[]'
    )
  from app_private.billing_mails as mails
  join app_public.tenants on tenants.id = mails.tenant_id
  join app_public.plans on plans.key = tenants.plan
  left join app_public.invoices
    on invoices.tenant_id = mails.tenant_id and invoices.id = mails.about
  left join app_private.stripe_subscriptions as subscriptions
    on subscriptions.tenant_id = mails.tenant_id and subscriptions.id = mails.about
  where mails.tenant_id = p_tenant_id
  and mails.id = p_mail_id
  and mails.status = 'booked';
end;
$$;
comment on function app_private.open_billing_mail(uuid, uuid) is
  'What a booked mail has to say, and to whom it was not said yet; no row once it was said to '
  'everybody, or when it is not true any more, which it notes.';

create or replace function app_private.record_billing_mail_delivery(
  p_tenant_id uuid,
  p_mail_id uuid,
  p_user_id uuid,
  p_outcome text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.billing_mail_deliveries (tenant_id, mail_id, user_id, outcome)
  values (p_tenant_id, p_mail_id, p_user_id, p_outcome)
  on conflict do nothing;
end;
comment on function app_private.record_billing_mail_delivery(uuid, uuid, uuid, text) is
  'Notes that a recipient was sent a billing mail, or will never take it.';

create or replace function app_private.settle_billing_mail(p_tenant_id uuid, p_mail_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_mails set
    status = 'sent',
    settled_at = now()
  where billing_mails.tenant_id = p_tenant_id
  and billing_mails.id = p_mail_id
  and billing_mails.status = 'booked';
end;
comment on function app_private.settle_billing_mail(uuid, uuid) is
  'Notes that nobody is left to send a billing mail to.';

revoke all on function
  app_private.billing_recipients(uuid),
  app_private.is_billing_mail_true(uuid, uuid),
  app_private.open_billing_mail(uuid, uuid),
  app_private.record_billing_mail_delivery(uuid, uuid, uuid, text),
  app_private.settle_billing_mail(uuid, uuid)
  from public;
grant execute on function
  app_private.billing_recipients(uuid),
  app_private.is_billing_mail_true(uuid, uuid),
  app_private.open_billing_mail(uuid, uuid),
  app_private.record_billing_mail_delivery(uuid, uuid, uuid, text),
  app_private.settle_billing_mail(uuid, uuid)
  to app_worker;
--! EndIncluded 60_billing_mails/sending.sql

--! Included 70_stripe_checks/tables.sql
create table if not exists app_private.stripe_checks (
  id          uuid        not null default uuidv7(),
  kind        text        not null,
  started_at  timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  result      jsonb       not null default '{}',
  constraint stripe_checks_pkey primary key (id),
  constraint stripe_checks_kind_known check (kind in ('poll', 'reconcile'))
);
comment on table app_private.stripe_checks is
  'Each look at Stripe for what its webhooks did not bring: the hourly poll of its events, the '
  'nightly comparison with all its subscriptions. Kept for 90 days, and '
  'the last one of a kind that came to its end.';
comment on column app_private.stripe_checks.finished_at is
  'Null while it runs, and for good when it was cut short: then the next one looks as far back.';
comment on column app_private.stripe_checks.result is
  'What was looked at and what was missing or different, in numbers.';
/* Serves: the last one of a kind that came to its end. */
create index if not exists stripe_checks_finished_idx
  on app_private.stripe_checks (kind, started_at desc) where finished_at is not null;
--! EndIncluded 70_stripe_checks/tables.sql
--! Included 70_stripe_checks/access.sql
revoke all on app_private.stripe_checks
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, update (finished_at, result), delete
  on app_private.stripe_checks to app_worker;
--! EndIncluded 70_stripe_checks/access.sql
--! Included 70_stripe_checks/policies.sql
alter table app_private.stripe_checks enable row level security;
alter table app_private.stripe_checks force row level security;
drop policy if exists all_worker on app_private.stripe_checks;
create policy all_worker on app_private.stripe_checks
  for all to app_worker using (true) with check (true);
--! EndIncluded 70_stripe_checks/policies.sql
--! Included 70_stripe_checks/checks.sql
create or replace function app_private.begin_stripe_check(p_kind text)
  returns table (id uuid, started_at timestamptz, last_started_at timestamptz)
  language plpgsql volatile parallel unsafe
as $$
declare
  v_last timestamptz;
begin
  select max(stripe_checks.started_at) into v_last
  from app_private.stripe_checks
  where stripe_checks.kind = p_kind
  and stripe_checks.finished_at is not null;

  /* The last one that came to its end stays: it says since when nobody has looked. */
  delete from app_private.stripe_checks
  where stripe_checks.kind = p_kind
  and stripe_checks.started_at < now() - interval '90 days'
  and stripe_checks.started_at is distinct from v_last;

  return query
    insert into app_private.stripe_checks (kind)
    values (p_kind)
    returning stripe_checks.id, stripe_checks.started_at, v_last;
end;
$$;
comment on function app_private.begin_stripe_check(text) is
  'Notes that a check begins. last_started_at: when the last one began that came to its end; null '
  'for the first.';

create or replace function app_private.finish_stripe_check(p_id uuid, p_result jsonb)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.stripe_checks set
    finished_at = clock_timestamp(),
    result = p_result
  where stripe_checks.id = p_id;
end;
comment on function app_private.finish_stripe_check(uuid, jsonb) is
  'Notes that a check has seen everything, and what it found.';

revoke all on function
  app_private.begin_stripe_check(text),
  app_private.finish_stripe_check(uuid, jsonb)
  from public;
grant execute on function
  app_private.begin_stripe_check(text),
  app_private.finish_stripe_check(uuid, jsonb)
  to app_worker;
--! EndIncluded 70_stripe_checks/checks.sql
--! Included 70_stripe_checks/poll.sql
create or replace function app_private.unseen_stripe_events(p_ids text[])
  returns setof text
  language sql stable parallel safe
begin atomic
  select ids.id
  from unnest(p_ids) as ids (id)
  where not exists (
    select from app_private.stripe_events where stripe_events.id = ids.id
  );
end;
comment on function app_private.unseen_stripe_events(text[]) is
  'Which of these events the inbox has not got.';
revoke all on function app_private.unseen_stripe_events(text[]) from public;
grant execute on function app_private.unseen_stripe_events(text[]) to app_worker;
--! EndIncluded 70_stripe_checks/poll.sql
--! Included 70_stripe_checks/differences.sql
/*
 * What Stripe lists against our copy. Each function gets a page or the ids of a whole listing and
 * returns the customers to look at again; none writes anything.
 */
create or replace function app_private.items_by_our_keys(p_items jsonb)
  returns jsonb
  language sql stable strict parallel safe
begin atomic
  select coalesce(
    jsonb_agg(
      items.item || jsonb_build_object(
        'lookup_key',
        app_private.plan_lookup_key(items.item->>'price_id', items.item->>'lookup_key')
      )
      order by items.place
    ),
    '[]'
  )
  from jsonb_array_elements(p_items) with ordinality as items (item, place);
end;
comment on function app_private.items_by_our_keys(jsonb) is
  'A subscription''s items, each with the key of our price that its price is, or was when it was '
  'bought: when another price takes that key over, nothing has become of who pays the old one.';

create or replace function app_private.customers_with_other_subscriptions(p_subscriptions jsonb)
  returns setof text
  language sql stable parallel safe
begin atomic
  select distinct customers.id
  from jsonb_to_recordset(p_subscriptions) as truth (
    id text,
    customer_id text,
    status text,
    items jsonb,
    trial_end double precision,
    cancel_at double precision,
    ended_at double precision,
    pause_collection text,
    schedule_id text
  )
  join app_private.stripe_customers as customers on customers.id = truth.customer_id
  left join app_private.stripe_subscriptions as known
    on known.tenant_id = customers.tenant_id and known.id = truth.id
  where not customers.is_deleted
  and (
    truth.status, app_private.items_by_our_keys(truth.items), to_timestamp(truth.trial_end),
    to_timestamp(truth.cancel_at), to_timestamp(truth.ended_at), truth.pause_collection,
    truth.schedule_id
  ) is distinct from (
    known.status, app_private.items_by_our_keys(known.items), known.trial_end,
    known.cancel_at, known.ended_at, known.pause_collection,
    known.schedule_id
  );
end;
comment on function app_private.customers_with_other_subscriptions(jsonb) is
  'Our customers of whom one of these subscriptions is unknown or another than our copy. '
  'p_subscriptions: SubscriptionTruth of tasks/stripe_subscription_truth.ts with customer_id.';

create or replace function app_private.customers_with_other_invoices(p_invoices jsonb)
  returns setof text
  language sql stable parallel safe
begin atomic
  select distinct customers.id
  from jsonb_to_recordset(p_invoices) as truth (
    id text,
    customer_id text,
    status text,
    attempt_count integer,
    amount_remaining bigint
  )
  join app_private.stripe_customers as customers on customers.id = truth.customer_id
  left join app_public.invoices as known
    on known.tenant_id = customers.tenant_id and known.id = truth.id
  where (truth.status, truth.attempt_count, truth.amount_remaining)
    is distinct from (known.status, known.attempt_count, known.amount_remaining);
end;
comment on function app_private.customers_with_other_invoices(jsonb) is
  'Our customers, deleted ones too, of whom one of these invoices is unknown or another than our '
  'copy. p_invoices: InvoiceTruth of tasks/stripe_invoice_truth.ts.';

create or replace function app_private.customers_with_more(
  p_customer_ids text[],
  p_subscription_ids text[],
  p_open_invoice_ids text[],
  p_written_off_invoice_ids text[],
  p_before timestamptz
)
  returns setof text
  language sql stable parallel safe
begin atomic
  /* Joined, not looked for in the arrays: that would take the square of their length. */
  select customers.id
  from app_private.stripe_customers as customers
  where not customers.is_deleted
  and customers.synced_at < p_before
  and not exists (
    select from unnest(p_customer_ids) as listed (id) where listed.id = customers.id
  )
  union
  select subscriptions.customer_id
  from app_private.stripe_subscriptions as subscriptions
  where subscriptions.status not in ('canceled', 'incomplete_expired')
  and subscriptions.created_at < p_before
  and not exists (
    select from unnest(p_subscription_ids) as listed (id) where listed.id = subscriptions.id
  )
  union
  select invoices.customer_id
  from app_public.invoices
  where invoices.status = 'open'
  and invoices.customer_id is not null
  and invoices.created_at < p_before
  and not exists (
    select from unnest(p_open_invoice_ids) as listed (id) where listed.id = invoices.id
  )
  union
  select invoices.customer_id
  from app_public.invoices
  where invoices.status = 'uncollectible'
  and invoices.customer_id is not null
  and invoices.created_at < p_before
  and not exists (
    select from unnest(p_written_off_invoice_ids) as listed (id) where listed.id = invoices.id
  );
end;
comment on function app_private.customers_with_more(text[], text[], text[], text[], timestamptz) is
  'Our customers of whom we hold as unsettled what Stripe''s whole lists, begun at p_before, have not: '
  'the customer itself, a subscription, an open invoice or one written off, also of one deleted.';

revoke all on function
  app_private.items_by_our_keys(jsonb),
  app_private.customers_with_other_subscriptions(jsonb),
  app_private.customers_with_other_invoices(jsonb),
  app_private.customers_with_more(text[], text[], text[], text[], timestamptz)
  from public;
grant execute on function
  app_private.items_by_our_keys(jsonb),
  app_private.customers_with_other_subscriptions(jsonb),
  app_private.customers_with_other_invoices(jsonb),
  app_private.customers_with_more(text[], text[], text[], text[], timestamptz)
  to app_worker;
--! EndIncluded 70_stripe_checks/differences.sql
--! Included 70_stripe_checks/repair.sql
create or replace function app_private.repair_customer(
  p_customer_id text,
  p_listed_from bigint,
  p_check_id uuid
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Read again since, or about to be: what was listed is older than what will be. */
  if exists (
    select
    from app_private.stripe_customers
    where stripe_customers.id = p_customer_id
    and stripe_customers.sync_seq > p_listed_from
  ) or exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_customer:' || p_customer_id
    and jobs.attempts < jobs.max_attempts
  ) then
    return false;
  end if;
  perform app_private.request_customer_sync(p_customer_id);

  /* An event that waits tells of it, or did and has an alarm of its own; one may be on its way too. */
  if not exists (
    select
    from app_private.stripe_events
    where stripe_events.customer_id = p_customer_id
    and stripe_events.status in ('pending', 'failed')
  ) then
    perform graphile_worker.add_job(
      'tell_of_drift',
      json_build_object('customer_id', p_customer_id, 'check_id', p_check_id),
      run_at => now() + interval '10 minutes',
      job_key => concat_ws(':', 'billing_drift', p_customer_id, p_check_id)
    );
  end if;
  return true;
end;
$$;
comment on function app_private.repair_customer(text, bigint, uuid) is
  'Books a fresh copy of a customer that differs, and a look whether that is to be told; false when '
  'the customer was read after p_listed_from (a number of stripe_sync_seq) or is about to be.';

create or replace function app_private.tell_of_drift(p_customer_id text, p_check_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.raise_alarm(
    'billing_drift',
    p_customer_id,
    'Our copy of this customer differed from Stripe and no event told of it; it was read again'
  )
  where not exists (
    select
    from app_private.stripe_events
    join app_private.stripe_checks on stripe_checks.id = p_check_id
    where stripe_events.customer_id = p_customer_id
    and stripe_events.received_at >= stripe_checks.started_at
  );
end;
comment on function app_private.tell_of_drift(text, uuid) is
  'Tells the operator of a customer that differed when everything was compared, unless an event of it '
  'has arrived since the comparison began: then it was only on its way.';

revoke all on function
  app_private.repair_customer(text, bigint, uuid),
  app_private.tell_of_drift(text, uuid)
  from public;
grant execute on function
  app_private.repair_customer(text, bigint, uuid),
  app_private.tell_of_drift(text, uuid)
  to app_worker;
--! EndIncluded 70_stripe_checks/repair.sql
--! Included 70_stripe_checks/sweep.sql
create or replace function app_private.resume_provisioning()
  returns integer
  language plpgsql volatile parallel unsafe
as $$
declare
  v_tenant_id uuid;
  v_resumed integer := 0;
begin
  for v_tenant_id in
    select billing_intents.tenant_id
    from app_private.billing_intents
    join app_public.tenants on tenants.id = billing_intents.tenant_id
    where billing_intents.completed_at is null
    and billing_intents.failed_at is null
    and billing_intents.created_at < now() - interval '1 hour'
    and tenants.status <> 'closed'
    and not exists (
      select
      from graphile_worker._private_jobs as jobs
      where jobs.key = 'stripe_provision_tenant:' || billing_intents.tenant_id
      and (jobs.attempts < jobs.max_attempts or jobs.locked_at is not null)
    )
  loop
    perform graphile_worker.add_job(
      'stripe_provision_tenant',
      json_build_object('tenant_id', v_tenant_id),
      queue_name => 'stripe_tenant:' || v_tenant_id,
      job_key => 'stripe_provision_tenant:' || v_tenant_id
    );
    v_resumed := v_resumed + 1;
  end loop;
  return v_resumed;
end;
$$;
comment on function app_private.resume_provisioning() is
  'Books the provisioning of tenants whose wish to subscribe is an hour old and which nobody works '
  'on: its job was lost, dismissed or failed for good. Returns how many.';

create or replace function app_private.stray_customers(p_customers jsonb)
  returns table (customer_id text, tenant_id uuid, intent_id uuid, has_another boolean)
  language sql stable parallel safe
begin atomic
  select candidates.id, intents.tenant_id, intents.id, accounts.stripe_customer_id is not null
  from jsonb_to_recordset(p_customers) as candidates (id text, tenant_id uuid, intent_id uuid)
  join app_private.billing_intents as intents
    on intents.tenant_id = candidates.tenant_id
    and intents.id = candidates.intent_id
  join app_public.billing_accounts as accounts on accounts.tenant_id = intents.tenant_id
  where accounts.stripe_customer_id is distinct from candidates.id
  and not exists (
    select from app_private.stripe_customers where stripe_customers.id = candidates.id
  );
end;
comment on function app_private.stray_customers(jsonb) is
  'Which of these customers at Stripe were made for an intent of ours and are tied to nobody. '
  'p_customers: [{ id, tenant_id, intent_id }], from their metadata. has_another: the tenant has '
  'another customer, so that this one is a loser of a race.';

revoke all on function
  app_private.resume_provisioning(),
  app_private.stray_customers(jsonb)
  from public;
grant execute on function
  app_private.resume_provisioning(),
  app_private.stray_customers(jsonb)
  to app_worker;
--! EndIncluded 70_stripe_checks/sweep.sql
--! Included 70_stripe_checks/request.sql
create or replace function app_private.request_poll()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_poll_events',
    '{}',
    queue_name => 'stripe_poll_events',
    job_key => 'stripe_poll_events'
  );
end;
comment on function app_private.request_poll() is
  'Books a poll of Stripe''s events, now, beside the hourly one.';

create or replace function app_private.request_reconcile()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_reconcile',
    '{}',
    queue_name => 'stripe_reconcile',
    job_key => 'stripe_reconcile'
  );
end;
comment on function app_private.request_reconcile() is
  'Books a comparison of everything with Stripe, now, beside the nightly one.';

revoke all on function app_private.request_poll(), app_private.request_reconcile() from public;
grant execute on function app_private.request_poll(), app_private.request_reconcile()
  to app_worker;
--! EndIncluded 70_stripe_checks/request.sql

--! Included 90_example/tables.sql
/* Copy these four files for your first tables, then delete them: docs/extending.md. */
create table if not exists app_public.projects (
  tenant_id  uuid        not null default app_private.current_tenant_id(),
  id         uuid        not null default uuidv7(),
  name       text        not null,
  status     text        not null default 'open',
  created_at timestamptz not null default now(),
  constraint projects_pkey primary key (tenant_id, id),
  constraint projects_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint projects_name_key unique (tenant_id, name),
  constraint projects_name_bounded check (char_length(name) between 1 and 100),
  constraint projects_name_printable check (
    name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  ),
  constraint projects_status_known check (status in ('open', 'closed'))
);
comment on table app_public.projects is 'What a tenant works on.';
comment on column app_public.projects.status is 'open or closed.';
comment on constraint projects_tenant_fkey on app_public.projects is
  E'@fieldName tenant\n@backwardBehavior -*';
/* Serves: the newest projects first. */
create index if not exists projects_created_idx
  on app_public.projects (tenant_id, created_at desc, id);

create table if not exists app_public.tasks (
  tenant_id  uuid        not null default app_private.current_tenant_id(),
  id         uuid        not null default uuidv7(),
  project_id uuid        not null,
  title      text        not null,
  is_done    boolean     not null default false,
  due_on     date,
  created_at timestamptz not null default now(),
  constraint tasks_pkey primary key (tenant_id, id),
  constraint tasks_project_fkey
    foreign key (tenant_id, project_id) references app_public.projects (tenant_id, id)
    on delete cascade,
  constraint tasks_title_bounded check (char_length(title) between 1 and 200),
  constraint tasks_title_printable check (
    title ~ '[^[:space:]]' and title !~ '[[:cntrl:]]'
  )
);
comment on table app_public.tasks is 'What is to be done in a project.';
comment on constraint tasks_project_fkey on app_public.tasks is
  E'@fieldName project\n@foreignFieldName tasks';
/* Serves: a project's tasks in order of creation (and the foreign key). */
create index if not exists tasks_project_idx
  on app_public.tasks (tenant_id, project_id, created_at, id);
--! EndIncluded 90_example/tables.sql
--! Included 90_example/access.sql
revoke all on app_public.projects, app_public.tasks from public, app_user, app_anonymous;
/* tenant_id is in no list: it is what the transaction says, at birth and for ever. */
grant
  select, delete,
  insert (name, status),
  update (name, status)
  on app_public.projects to app_user;
grant
  select, delete,
  insert (project_id, title, is_done, due_on),
  update (project_id, title, is_done, due_on)
  on app_public.tasks to app_user;
--! EndIncluded 90_example/access.sql
--! Included 90_example/policies.sql
alter table app_public.projects enable row level security;
alter table app_public.projects force row level security;
drop policy if exists select_tenant on app_public.projects;
create policy select_tenant on app_public.projects
  for select to app_user
  using (tenant_id = app_private.current_tenant_id());
drop policy if exists insert_tenant on app_public.projects;
create policy insert_tenant on app_public.projects
  for insert to app_user
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists update_tenant on app_public.projects;
create policy update_tenant on app_public.projects
  for update to app_user
  using      (tenant_id = app_private.writable_tenant_id())
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists delete_tenant on app_public.projects;
create policy delete_tenant on app_public.projects
  for delete to app_user
  using (tenant_id = app_private.writable_tenant_id());

alter table app_public.tasks enable row level security;
alter table app_public.tasks force row level security;
drop policy if exists select_tenant on app_public.tasks;
create policy select_tenant on app_public.tasks
  for select to app_user
  using (tenant_id = app_private.current_tenant_id());
drop policy if exists insert_tenant on app_public.tasks;
create policy insert_tenant on app_public.tasks
  for insert to app_user
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists update_tenant on app_public.tasks;
create policy update_tenant on app_public.tasks
  for update to app_user
  using      (tenant_id = app_private.writable_tenant_id())
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists delete_tenant on app_public.tasks;
create policy delete_tenant on app_public.tasks
  for delete to app_user
  using (tenant_id = app_private.writable_tenant_id());
--! EndIncluded 90_example/policies.sql
--! Included 90_example/triggers.sql
create or replace trigger _900_audit
  after insert or update or delete on app_public.projects
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.tasks
  for each row execute function app_private.tg__audit();
--! EndIncluded 90_example/triggers.sql
--! EndIncluded index.sql
