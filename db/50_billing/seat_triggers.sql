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
