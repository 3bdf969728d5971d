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
