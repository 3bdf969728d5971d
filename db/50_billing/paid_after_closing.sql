/*
 * A page that was open can be paid until the closing of its tenant has closed it too, and an invoice
 * after that. What was subscribed to is cancelled, but nothing is paid back by itself: whether it is
 * a debt that was owed, or money for nothing, is for a person to say.
 */
create or replace function app_private.tg_tenants__note_closing()
  returns trigger
  language plpgsql volatile
as $$
begin
  new.closed_at := case when new.status = 'closed' then now() end;
  return new;
end;
$$;
comment on function app_private.tg_tenants__note_closing() is
  'Keeps since when a tenant is closed.';

create or replace trigger _100_note_closing
  before update of status on app_public.tenants
  for each row when ((new.status = 'closed') is distinct from (old.status = 'closed'))
  execute function app_private.tg_tenants__note_closing();

create or replace function app_private.tg_invoices__tell_paid_after_closing()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.raise_alarm(
    'paid_after_closing',
    new.id,
    format(
      'A closed tenant has paid invoice %s: %s in the smallest unit of %s. What it subscribed to is '
        'cancelled. Refund at Stripe what was paid for nothing.',
      coalesce(new.number, new.id), new.amount_paid, upper(new.currency)
    ),
    jsonb_build_object(
      'tenant_id', new.tenant_id,
      'customer_id', new.customer_id,
      'subscription_id', new.subscription_id,
      'number', new.number,
      'billing_reason', new.billing_reason,
      'amount_paid', new.amount_paid,
      'currency', new.currency,
      'paid_at', new.paid_at
    )
  )
  from app_public.tenants
  where tenants.id = new.tenant_id
  /* Stripe's times are whole seconds of another clock. */
  and new.paid_at > tenants.closed_at - interval '1 minute';
  return null;
end;
$$;
comment on function app_private.tg_invoices__tell_paid_after_closing() is
  'Tells the operator of money that was taken while its tenant was being closed, or after.';

/* What is paid stays so: it is told once, whatever is copied afterwards. */
create or replace trigger _510_tell_paid_after_closing
  after insert on app_public.invoices
  for each row when (new.status = 'paid' and new.amount_paid > 0)
  execute function app_private.tg_invoices__tell_paid_after_closing();

create or replace trigger _520_tell_paid_after_closing
  after update on app_public.invoices
  for each row when (new.status = 'paid' and new.amount_paid > 0 and old.status <> 'paid')
  execute function app_private.tg_invoices__tell_paid_after_closing();

revoke all on function
  app_private.tg_tenants__note_closing(),
  app_private.tg_invoices__tell_paid_after_closing()
  from public;
