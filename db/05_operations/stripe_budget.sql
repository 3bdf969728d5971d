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
