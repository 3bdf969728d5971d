create table if not exists app_public.invoices (
  tenant_id               uuid             not null,
  id                      text             not null,
  subscription_id         text,
  number                  text,
  status                  text             not null,
  billing_reason          text,
  attempt_count           integer          not null,
  next_payment_attempt_at timestamptz,
  currency                text             not null,
  amount_due              double precision not null,
  amount_paid             double precision not null,
  amount_remaining        double precision not null,
  hosted_invoice_url      text,
  invoice_pdf_url         text,
  period_start            timestamptz      not null,
  period_end              timestamptz      not null,
  finalized_at            timestamptz,
  paid_at                 timestamptz,
  created_at              timestamptz      not null,
  customer_id             text,
  constraint invoices_pkey primary key (tenant_id, id),
  constraint invoices_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint invoices_id_bounded check (char_length(id) between 1 and 255),
  constraint invoices_customer_bounded check (char_length(customer_id) <= 255),
  constraint invoices_subscription_bounded check (char_length(subscription_id) <= 255),
  constraint invoices_number_bounded check (char_length(number) <= 255),
  constraint invoices_status_bounded check (char_length(status) <= 100),
  constraint invoices_billing_reason_bounded check (char_length(billing_reason) <= 100),
  constraint invoices_currency_bounded check (char_length(currency) <= 20),
  constraint invoices_hosted_url_bounded check (char_length(hosted_invoice_url) <= 5000),
  constraint invoices_pdf_url_bounded check (char_length(invoice_pdf_url) <= 5000)
);
comment on table app_public.invoices is
  E'@defaultOrder CREATED_AT_DESC\n'
  'What Stripe has asked the tenant to pay, newest first. For those whose role may manage billing. '
  'Drafts are not among them: nobody owes those yet.';
comment on column app_public.invoices.id is 'Stripe''s id of the invoice.';
comment on column app_public.invoices.subscription_id is
  'Stripe''s id of the subscription it is for; null when it is for none.';
comment on column app_public.invoices.customer_id is
  E'@behavior -*\n'
  'Stripe''s id of the customer who owes it: of the tenant''s present one, or of one deleted since.';
comment on column app_public.invoices.number is 'What is printed on it.';
comment on column app_public.invoices.status is
  'In Stripe''s words: open (to be paid), paid, void, uncollectible.';
comment on column app_public.invoices.billing_reason is
  'Why it was made, in Stripe''s words, e.g. subscription_create, subscription_cycle.';
comment on column app_public.invoices.attempt_count is 'How often payment was tried.';
comment on column app_public.invoices.next_payment_attempt_at is
  'When Stripe will try again by itself; null when it will not.';
comment on column app_public.invoices.currency is
  'ISO 4217, in lower case; the amounts are in its smallest unit.';
comment on column app_public.invoices.hosted_invoice_url is
  'Stripe''s page of it, where it is paid while it is open.';
comment on column app_public.invoices.invoice_pdf_url is 'Where it is downloaded.';
comment on column app_public.invoices.paid_at is 'Null until it is paid.';
comment on constraint invoices_tenant_fkey on app_public.invoices is
  E'@fieldName tenant\n@foreignFieldName invoices';
/* Serves: the newest of a tenant's. */
create index if not exists invoices_created_idx
  on app_public.invoices (tenant_id, created_at desc, id);

alter table app_public.invoices enable row level security;
alter table app_public.invoices force row level security;
drop policy if exists select_manager on app_public.invoices;
create policy select_manager on app_public.invoices
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists all_worker on app_public.invoices;
create policy all_worker on app_public.invoices
  for all to app_worker using (true) with check (true);

revoke all on app_public.invoices from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody writes them but the sync; nobody deletes one, however old. */
grant select on app_public.invoices to app_user;
grant
  select, insert,
  update (
    customer_id, subscription_id, number, status, billing_reason, attempt_count, next_payment_attempt_at,
    currency, amount_due, amount_paid, amount_remaining, hosted_invoice_url, invoice_pdf_url,
    period_start, period_end, finalized_at, paid_at
  )
  on app_public.invoices to app_worker;
