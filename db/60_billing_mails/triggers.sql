/*
 * Each mail is booked by what the database comes to say, in the same transaction, and never by an
 * event: events come twice, late, or not at all.
 */
create or replace function app_private.tg_tenants__book_mail()
  returns trigger
  language plpgsql volatile
as $$
begin
  /*
   * Whose access was taken has that booked as the last of the two kinds, however long ago, and
   * whatever the tenant was in between. Who is let in for the first time has neither.
   */
  if new.status <> 'suspended' and 'suspended' is distinct from (
    select mails.kind
    from app_private.billing_mails as mails
    where mails.tenant_id = new.id
    and mails.kind in ('suspended', 'reactivated')
    order by mails.occasion::numeric desc
    limit 1
  ) then
    return null;
  end if;
  /* The time while the row is locked, so that of two changes the later one has the later time. */
  perform app_private.book_billing_mail(
    new.id,
    case when new.status = 'suspended' then 'suspended' else 'reactivated' end,
    new.id::text,
    app_private.seconds_of(clock_timestamp())
  );
  return null;
end;
$$;
comment on function app_private.tg_tenants__book_mail() is
  'Books the mail that a tenant is suspended, or that it is back.';

/* Who never had access is not told that it is gone. */
create or replace trigger _500_book_suspended_mail
  after update of status on app_public.tenants
  for each row when (
    old.status in ('trialing', 'active', 'past_due') and new.status = 'suspended'
  )
  execute function app_private.tg_tenants__book_mail();

create or replace trigger _500_book_reactivated_mail
  after update of status on app_public.tenants
  for each row when (
    old.status not in ('trialing', 'active', 'past_due')
    and new.status in ('trialing', 'active', 'past_due')
  )
  execute function app_private.tg_tenants__book_mail();

create or replace function app_private.tg_stripe_subscriptions__book_mail()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.book_billing_mail(
    new.tenant_id,
    'trial_will_end',
    new.id,
    app_private.seconds_of(new.trial_end),
    new.trial_end - interval '3 days'
  );
  return null;
end;
$$;
comment on function app_private.tg_stripe_subscriptions__book_mail() is
  'Books the reminder that a trial ends, for three days before. Stripe''s own event of that name says '
  'nothing that is not here already; it also comes when somebody ends a trial early.';

create or replace trigger _500_book_trial_will_end_mail
  after insert or update of status, trial_end on app_private.stripe_subscriptions
  for each row when (new.status = 'trialing' and new.trial_end > now())
  execute function app_private.tg_stripe_subscriptions__book_mail();

/*
 * Stripe counts an attempt also for a payment that a bank takes days to make. The subscription tells
 * those apart: it is past due only once the payment failed. It may be written before the invoice or
 * after it, so both ask.
 */
create or replace function app_private.book_payment_failed_mails(
  p_tenant_id uuid,
  p_subscription_id text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.book_billing_mail(
    invoices.tenant_id, 'payment_failed', invoices.id, invoices.attempt_count::text
  )
  from app_public.invoices
  join app_private.stripe_subscriptions as subscriptions
    on subscriptions.tenant_id = invoices.tenant_id
    and subscriptions.id = invoices.subscription_id
  where invoices.tenant_id = p_tenant_id
  and invoices.subscription_id = p_subscription_id
  and invoices.status = 'open'
  and invoices.attempt_count > 0
  /* The first payment is made by somebody who is looking at the form. */
  and invoices.billing_reason is distinct from 'subscription_create'
  and subscriptions.status = 'past_due';
end;
comment on function app_private.book_payment_failed_mails(uuid, text) is
  'Books a mail for each failed attempt to collect what a subscription owes.';

create or replace function app_private.tg_invoices__book_mail()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.book_payment_failed_mails(new.tenant_id, new.subscription_id);
  return null;
end;
$$;
comment on function app_private.tg_invoices__book_mail() is
  'Books the mail that a payment failed, when the invoice tells.';

create or replace trigger _500_book_payment_failed_mail
  after insert or update on app_public.invoices
  for each row when (new.status = 'open' and new.attempt_count > 0)
  execute function app_private.tg_invoices__book_mail();

create or replace function app_private.tg_stripe_subscriptions__book_failure()
  returns trigger
  language plpgsql volatile
as $$
begin
  perform app_private.book_payment_failed_mails(new.tenant_id, new.id);
  return null;
end;
$$;
comment on function app_private.tg_stripe_subscriptions__book_failure() is
  'Books the mail that a payment failed, when the subscription tells.';

create or replace trigger _500_book_payment_failed_mail
  after insert or update on app_private.stripe_subscriptions
  for each row when (new.status = 'past_due')
  execute function app_private.tg_stripe_subscriptions__book_failure();

revoke all on function
  app_private.tg_tenants__book_mail(),
  app_private.tg_stripe_subscriptions__book_mail(),
  app_private.book_payment_failed_mails(uuid, text),
  app_private.tg_invoices__book_mail(),
  app_private.tg_stripe_subscriptions__book_failure()
  from public;
grant execute on function
  app_private.tg_tenants__book_mail(),
  app_private.tg_stripe_subscriptions__book_mail(),
  app_private.book_payment_failed_mails(uuid, text),
  app_private.tg_invoices__book_mail(),
  app_private.tg_stripe_subscriptions__book_failure()
  to app_worker;
