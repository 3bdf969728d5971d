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
