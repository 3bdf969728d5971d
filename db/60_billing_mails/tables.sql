create table if not exists app_private.billing_mails (
  tenant_id  uuid        not null,
  id         uuid        not null default uuidv7(),
  kind       text        not null,
  about      text        not null,
  occasion   text        not null,
  status     text        not null default 'booked',
  booked_at  timestamptz not null default now(),
  settled_at timestamptz,
  constraint billing_mails_pkey primary key (tenant_id, id),
  /* The whole guard against telling something twice: an occasion has one row, whoever saw it. */
  constraint billing_mails_once unique (tenant_id, kind, about, occasion),
  constraint billing_mails_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_mails_kind_known
    check (kind in ('payment_failed', 'trial_will_end', 'suspended', 'reactivated')),
  constraint billing_mails_status_known check (status in ('booked', 'sent', 'stale')),
  constraint billing_mails_about_bounded check (char_length(about) between 1 and 255),
  constraint billing_mails_occasion_bounded check (char_length(occasion) between 1 and 100)
);
comment on table app_private.billing_mails is
  'What a tenant''s payers are told by mail, each occasion once. Written in the transaction that '
  'writes the state it tells of; send_billing_mail sends it.';
comment on column app_private.billing_mails.about is
  'Stripe''s id of the invoice (payment_failed) or the subscription (trial_will_end); the tenant''s '
  'own id for the others.';
comment on column app_private.billing_mails.occasion is
  'What makes it another mail about the same: the invoice''s attempt_count, the trial''s end, the '
  'time of the change; times in Unix seconds.';
comment on column app_private.billing_mails.status is
  'booked: not yet for everybody. sent: nobody is left to tell. stale: when it was to be sent, it was '
  'not so any more.';
comment on column app_private.billing_mails.settled_at is
  'When it was sent or found stale; null while it is booked.';

create table if not exists app_private.billing_mail_deliveries (
  tenant_id  uuid        not null,
  mail_id    uuid        not null,
  user_id    uuid        not null,
  outcome    text        not null,
  settled_at timestamptz not null default now(),
  constraint billing_mail_deliveries_pkey primary key (tenant_id, mail_id, user_id),
  constraint billing_mail_deliveries_mail_fkey
    foreign key (tenant_id, mail_id)
    references app_private.billing_mails (tenant_id, id) on delete cascade,
  constraint billing_mail_deliveries_user_fkey
    foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint billing_mail_deliveries_outcome_known check (outcome in ('sent', 'refused'))
);
comment on table app_private.billing_mail_deliveries is
  'Who has been sent a billing mail, so that a job that is run again goes on with the others.';
comment on column app_private.billing_mail_deliveries.outcome is
  'refused: the mail server will never take it for this address.';
/* Serves the foreign key. */
create index if not exists billing_mail_deliveries_user_idx
  on app_private.billing_mail_deliveries (user_id, tenant_id);
