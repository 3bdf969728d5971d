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
