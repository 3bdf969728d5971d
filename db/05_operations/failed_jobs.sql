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
