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
