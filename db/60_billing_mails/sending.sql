/*
 * security definer, which spares the worker the right to read who belongs to which tenant: it is told
 * the payers of the one that it has a mail for.
 */
create or replace function app_private.billing_recipients(p_tenant_id uuid)
  returns table (user_id uuid, email text)
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.id, users.email
  from app_public.memberships
  join app_public.role_permissions
    on role_permissions.role_key = memberships.role
    and role_permissions.permission = 'billing.manage'
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = p_tenant_id;
end;
comment on function app_private.billing_recipients(uuid) is
  'Those of a tenant''s members who may manage its billing now, with their addresses.';
alter function app_private.billing_recipients(uuid) owner to app_definer;

create or replace function app_private.is_billing_mail_true(p_tenant_id uuid, p_mail_id uuid)
  returns boolean
  language sql stable parallel safe
begin atomic
  select case mails.kind
    when 'payment_failed' then
      /* A tenant that is suspended meanwhile gets the mail that says so. */
      tenants.status in ('trialing', 'active', 'past_due')
      and exists (
        select
        from app_public.invoices
        where invoices.tenant_id = mails.tenant_id
        and invoices.id = mails.about
        and invoices.status = 'open'
        and invoices.amount_remaining > 0
        and invoices.attempt_count::text = mails.occasion
      )
    when 'trial_will_end' then
      tenants.status <> 'closed'
      and exists (
        select
        from app_private.stripe_subscriptions as subscriptions
        where subscriptions.tenant_id = mails.tenant_id
        and subscriptions.id = mails.about
        and subscriptions.status = 'trialing'
        and subscriptions.trial_end > now()
        and app_private.seconds_of(subscriptions.trial_end) = mails.occasion
        /* Who has cancelled already need not be warned of a charge. */
        and (subscriptions.cancel_at is null or subscriptions.cancel_at > subscriptions.trial_end)
      )
    else
      (tenants.status = 'suspended') = (mails.kind = 'suspended')
      and tenants.status in ('trialing', 'active', 'past_due', 'suspended')
      /* Of several changes, the last is what counts. */
      and not exists (
        select
        from app_private.billing_mails as later
        where later.tenant_id = mails.tenant_id
        and later.kind in ('suspended', 'reactivated')
        and later.occasion::numeric > mails.occasion::numeric
      )
  end
  from app_private.billing_mails as mails
  join app_public.tenants on tenants.id = mails.tenant_id
  where mails.tenant_id = p_tenant_id
  and mails.id = p_mail_id;
end;
comment on function app_private.is_billing_mail_true(uuid, uuid) is
  'Whether what a billing mail tells is still so.';

create or replace function app_private.open_billing_mail(p_tenant_id uuid, p_mail_id uuid)
  returns table (
    kind text,
    occurred_at timestamptz,
    tenant_name text,
    plan_name text,
    access_reason text,
    grace_ends_at timestamptz,
    trial_ends_at timestamptz,
    invoice_number text,
    amount_due double precision,
    currency text,
    next_payment_attempt_at timestamptz,
    recipients json
  )
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.billing_mails set
    status = 'stale',
    settled_at = now()
  where billing_mails.tenant_id = p_tenant_id
  and billing_mails.id = p_mail_id
  and billing_mails.status = 'booked'
  and not app_private.is_billing_mail_true(p_tenant_id, p_mail_id);

  return query
  select
    mails.kind,
    mails.booked_at,
    tenants.name,
    plans.name,
    tenants.access_reason,
    tenants.grace_ends_at,
    subscriptions.trial_end,
    invoices.number,
    invoices.amount_remaining::double precision,
    invoices.currency,
    invoices.next_payment_attempt_at,
    coalesce(
      (
        select json_agg(json_build_object('user_id', recipients.user_id, 'email', recipients.email))
        from app_private.billing_recipients(p_tenant_id) as recipients
        where not exists (
          select
          from app_private.billing_mail_deliveries as deliveries
          where deliveries.tenant_id = p_tenant_id
          and deliveries.mail_id = p_mail_id
          and deliveries.user_id = recipients.user_id
        )
      ),
      '[]'
    )
  from app_private.billing_mails as mails
  join app_public.tenants on tenants.id = mails.tenant_id
  join app_public.plans on plans.key = tenants.plan
  left join app_public.invoices
    on invoices.tenant_id = mails.tenant_id and invoices.id = mails.about
  left join app_private.stripe_subscriptions as subscriptions
    on subscriptions.tenant_id = mails.tenant_id and subscriptions.id = mails.about
  where mails.tenant_id = p_tenant_id
  and mails.id = p_mail_id
  and mails.status = 'booked';
end;
$$;
comment on function app_private.open_billing_mail(uuid, uuid) is
  'What a booked mail has to say, and to whom it was not said yet; no row once it was said to '
  'everybody, or when it is not true any more, which it notes.';

create or replace function app_private.record_billing_mail_delivery(
  p_tenant_id uuid,
  p_mail_id uuid,
  p_user_id uuid,
  p_outcome text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.billing_mail_deliveries (tenant_id, mail_id, user_id, outcome)
  values (p_tenant_id, p_mail_id, p_user_id, p_outcome)
  on conflict do nothing;
end;
comment on function app_private.record_billing_mail_delivery(uuid, uuid, uuid, text) is
  'Notes that a recipient was sent a billing mail, or will never take it.';

create or replace function app_private.settle_billing_mail(p_tenant_id uuid, p_mail_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_mails set
    status = 'sent',
    settled_at = now()
  where billing_mails.tenant_id = p_tenant_id
  and billing_mails.id = p_mail_id
  and billing_mails.status = 'booked';
end;
comment on function app_private.settle_billing_mail(uuid, uuid) is
  'Notes that nobody is left to send a billing mail to.';

revoke all on function
  app_private.billing_recipients(uuid),
  app_private.is_billing_mail_true(uuid, uuid),
  app_private.open_billing_mail(uuid, uuid),
  app_private.record_billing_mail_delivery(uuid, uuid, uuid, text),
  app_private.settle_billing_mail(uuid, uuid)
  from public;
grant execute on function
  app_private.billing_recipients(uuid),
  app_private.is_billing_mail_true(uuid, uuid),
  app_private.open_billing_mail(uuid, uuid),
  app_private.record_billing_mail_delivery(uuid, uuid, uuid, text),
  app_private.settle_billing_mail(uuid, uuid)
  to app_worker;
