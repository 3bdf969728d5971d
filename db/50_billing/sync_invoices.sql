create or replace function app_private.record_stripe_invoices(p_tenant_id uuid, p_invoices jsonb)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_public.invoices as known (
    tenant_id, id, subscription_id, number, status, billing_reason, attempt_count,
    next_payment_attempt_at, currency, amount_due, amount_paid, amount_remaining,
    hosted_invoice_url, invoice_pdf_url, period_start, period_end, finalized_at, paid_at, created_at,
    customer_id
  )
  select
    p_tenant_id,
    truth.id,
    truth.subscription_id,
    truth.number,
    truth.status,
    truth.billing_reason,
    truth.attempt_count,
    to_timestamp(truth.next_payment_attempt),
    truth.currency,
    truth.amount_due,
    truth.amount_paid,
    truth.amount_remaining,
    truth.hosted_invoice_url,
    truth.invoice_pdf,
    to_timestamp(truth.period_start),
    to_timestamp(truth.period_end),
    to_timestamp(truth.finalized_at),
    to_timestamp(truth.paid_at),
    to_timestamp(truth.created),
    truth.customer_id
  from jsonb_to_recordset(p_invoices) as truth (
    id text,
    customer_id text,
    subscription_id text,
    number text,
    status text,
    billing_reason text,
    attempt_count integer,
    next_payment_attempt double precision,
    currency text,
    amount_due bigint,
    amount_paid bigint,
    amount_remaining bigint,
    hosted_invoice_url text,
    invoice_pdf text,
    period_start double precision,
    period_end double precision,
    finalized_at double precision,
    paid_at double precision,
    created double precision
  )
  on conflict (tenant_id, id) do update set
    customer_id = excluded.customer_id,
    subscription_id = excluded.subscription_id,
    number = excluded.number,
    status = excluded.status,
    billing_reason = excluded.billing_reason,
    attempt_count = excluded.attempt_count,
    next_payment_attempt_at = excluded.next_payment_attempt_at,
    currency = excluded.currency,
    amount_due = excluded.amount_due,
    amount_paid = excluded.amount_paid,
    amount_remaining = excluded.amount_remaining,
    hosted_invoice_url = excluded.hosted_invoice_url,
    invoice_pdf_url = excluded.invoice_pdf_url,
    period_start = excluded.period_start,
    period_end = excluded.period_end,
    finalized_at = excluded.finalized_at,
    paid_at = excluded.paid_at
  /* Nothing is written, and no trigger fires, for what has not changed. */
  where known is distinct from excluded;
end;
comment on function app_private.record_stripe_invoices(uuid, jsonb) is
  'Writes what Stripe says of some of a tenant''s invoices; the others stay as they are.';

revoke all on function app_private.record_stripe_invoices(uuid, jsonb) from public;
grant execute on function app_private.record_stripe_invoices(uuid, jsonb) to app_worker;
