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
