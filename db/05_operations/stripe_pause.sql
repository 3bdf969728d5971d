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
