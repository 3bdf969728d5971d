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
