create or replace function app_private.begin_customer_sync(p_customer_id text)
  returns table (seq bigint, is_deleted boolean, unsettled_invoice_ids text[])
  language sql volatile parallel unsafe
begin atomic
  select
    nextval('app_private.stripe_sync_seq'::regclass),
    exists (
      select
      from app_private.stripe_customers
      where stripe_customers.id = p_customer_id
      and stripe_customers.is_deleted
    ),
    array(
      select invoices.id
      from app_private.stripe_customers
      join app_public.invoices
        on invoices.tenant_id = stripe_customers.tenant_id
        and invoices.customer_id = stripe_customers.id
      where stripe_customers.id = p_customer_id
      and invoices.status not in ('paid', 'void')
      order by invoices.created_at desc
    );
end;
comment on function app_private.begin_customer_sync(text) is
  'Called before a fetch from Stripe. seq: whoever fetched later has the higher number. is_deleted: '
  'the customer was deleted, which is final; only its invoices may still change. '
  'unsettled_invoice_ids: what we hold that may still change, however old it is.';

/*
 * The only writer of what Stripe says. Every change at Stripe is followed by an event, whose sync
 * takes its number after the change; the highest number wins; so the last write read the last
 * change, whatever order anything arrived in.
 */
create or replace function app_private.record_stripe_customer(
  p_sync_seq bigint,
  p_truth jsonb,
  p_grace_days double precision
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id constant text := p_truth->>'id';
  v_tenant_id uuid;
begin
  update app_private.stripe_customers set
    is_deleted = (p_truth->>'is_deleted')::boolean,
    active_entitlements = array(
      select entitlements.lookup_key
      from jsonb_array_elements_text(p_truth->'active_entitlements') as entitlements (lookup_key)
      order by entitlements.lookup_key
    ),
    sync_seq = p_sync_seq,
    synced_at = now()
  where stripe_customers.id = v_customer_id
  and stripe_customers.sync_seq < p_sync_seq
  returning stripe_customers.tenant_id into v_tenant_id;
  if not found then
    return case
      when exists (
        select from app_private.stripe_customers where stripe_customers.id = v_customer_id
      ) then 'stale'
      else 'unknown'
    end;
  end if;

  perform app_private.end_unlisted_subscriptions(
    v_tenant_id, v_customer_id, p_truth->'subscriptions'
  );
  perform app_private.record_stripe_subscriptions(
    v_tenant_id, v_customer_id, p_truth->'subscriptions', make_interval(secs => p_grace_days * 86400)
  );
  perform app_private.record_stripe_invoices(v_tenant_id, p_truth->'invoices');
  if (p_truth->>'is_deleted')::boolean then
    perform app_private.forget_stripe_customer(v_tenant_id, v_customer_id);
  end if;
  perform app_private.apply_billing(v_tenant_id);
  perform app_private.raise_billing_alarms(v_tenant_id, p_truth);
  /* Nobody has any use for what was subscribed to while its tenant was being closed. */
  perform app_private.withdraw_if_closed(v_tenant_id)
  where exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = v_tenant_id
    and stripe_subscriptions.status not in ('canceled', 'incomplete_expired')
  );
  return 'recorded';
end;
$$;
comment on function app_private.record_stripe_customer(bigint, jsonb, double precision) is
  'Replaces our copy of a customer by what was fetched after p_sync_seq was taken. p_truth is '
  'CustomerTruth of tasks/stripe_customer_truth.ts, times in Unix seconds. Returns recorded, stale '
  '(a later fetch was written already) or unknown (no tenant has this customer).';

revoke all on function
  app_private.begin_customer_sync(text),
  app_private.record_stripe_customer(bigint, jsonb, double precision)
  from public;
grant execute on function
  app_private.begin_customer_sync(text),
  app_private.record_stripe_customer(bigint, jsonb, double precision)
  to app_worker;
