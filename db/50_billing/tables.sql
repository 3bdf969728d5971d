create table if not exists app_public.billing_accounts (
  tenant_id              uuid        not null,
  stripe_customer_id     text,
  stripe_subscription_id text,
  client_secret          text,
  created_at             timestamptz not null default now(),
  constraint billing_accounts_pkey primary key (tenant_id),
  constraint billing_accounts_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_accounts_stripe_customer_key unique (stripe_customer_id),
  constraint billing_accounts_stripe_customer_bounded
    check (char_length(stripe_customer_id) <= 255),
  constraint billing_accounts_stripe_subscription_bounded
    check (char_length(stripe_subscription_id) <= 255),
  constraint billing_accounts_client_secret_bounded check (char_length(client_secret) <= 1000)
);
comment on table app_public.billing_accounts is
  'Where a tenant stands at Stripe. For those whose role may manage billing.';
comment on column app_public.billing_accounts.stripe_subscription_id is
  'The subscription that decides the tenant''s access; null before there is one.';
comment on column app_public.billing_accounts.client_secret is
  'For Stripe.js to confirm the payment that is due; null when none is.';
comment on constraint billing_accounts_tenant_fkey on app_public.billing_accounts is
  E'@fieldName tenant\n@foreignSingleFieldName billing';

create table if not exists app_private.billing_intents (
  tenant_id              uuid        not null,
  id                     uuid        not null default uuidv7(),
  customer_email         text        not null,
  customer_name          text        not null,
  price_lookup_key       text        not null,
  stripe_price_id        text,
  stripe_subscription_id text,
  first_attempt_at       timestamptz,
  is_in_doubt            boolean     not null default false,
  key_generation         smallint    not null default 0,
  completed_at           timestamptz,
  created_at             timestamptz not null default now(),
  failed_at              timestamptz,
  failure                text,
  constraint billing_intents_pkey primary key (tenant_id, id),
  constraint billing_intents_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_intents_customer_email_bounded check (char_length(customer_email) <= 320),
  constraint billing_intents_customer_name_bounded check (char_length(customer_name) <= 100),
  constraint billing_intents_price_lookup_key_bounded check (char_length(price_lookup_key) <= 60),
  constraint billing_intents_failure_bounded check (char_length(failure) <= 1000),
  constraint billing_intents_ends_one_way check (completed_at is null or failed_at is null)
);
comment on table app_private.billing_intents is
  'A wish to subscribe, with the parameters of its calls to Stripe frozen: whoever repeats a call '
  'repeats it word for word, under the idempotency key made of the intent''s id.';
comment on column app_private.billing_intents.stripe_price_id is
  'Found when first needed, then frozen like the rest.';
comment on column app_private.billing_intents.first_attempt_at is
  'Stripe forgets idempotency keys after 24 h; from 23 h on it is searched before it is asked. Of a '
  'wish that is older than that when it is first attempted: when it was made.';
comment on column app_private.billing_intents.is_in_doubt is
  'Stripe answered 5xx: it may have done what was asked. The next attempt searches first.';
comment on column app_private.billing_intents.key_generation is
  'Part of the idempotency keys. Counts up when Stripe was searched and had nothing, because it '
  'goes on answering 500 to a key that it once answered so.';
comment on column app_private.billing_intents.failed_at is
  'Stripe refused, and would refuse the same words again: only another intent can go on. Null while '
  'it is open, and when it is completed.';
comment on column app_private.billing_intents.failure is 'What Stripe said; null unless it failed.';
/* At most one open wish a tenant, whoever races. */
create unique index if not exists billing_intents_one_open
  on app_private.billing_intents (tenant_id) where completed_at is null and failed_at is null;

create table if not exists app_private.stripe_events (
  id           text        not null,
  type         text        not null,
  object_type  text,
  object_id    text,
  customer_id  text,
  account_id   text,
  livemode     boolean     not null,
  api_version  text,
  status       text        not null,
  reason       text,
  payload      json        not null,
  created_at   timestamptz not null,
  received_at  timestamptz not null default now(),
  received_seq bigint      not null,
  processed_at timestamptz,
  constraint stripe_events_pkey primary key (id),
  constraint stripe_events_id_bounded check (char_length(id) between 1 and 255),
  constraint stripe_events_type_bounded check (char_length(type) between 1 and 255),
  constraint stripe_events_object_type_bounded check (char_length(object_type) <= 255),
  constraint stripe_events_object_bounded check (char_length(object_id) <= 255),
  constraint stripe_events_customer_bounded check (char_length(customer_id) <= 255),
  constraint stripe_events_account_bounded check (char_length(account_id) <= 255),
  constraint stripe_events_api_version_bounded check (char_length(api_version) <= 255),
  constraint stripe_events_reason_bounded check (char_length(reason) <= 1000),
  constraint stripe_events_status_known check (
    status in (
      'pending', 'processed', 'ignored', 'ignored_mode', 'foreign', 'failed', 'dismissed'
    )
  )
);
comment on table app_private.stripe_events is
  'The inbox: every webhook event whose signature was good, once.';
comment on column app_private.stripe_events.id is
  'The snapshot event''s, also when its thin twin came: the two are one.';
comment on column app_private.stripe_events.type is
  'As snapshot events name it, without the "v1." of thin ones.';
comment on column app_private.stripe_events.object_id is
  'What it is about; null for what has no id, such as an invoice to come.';
comment on column app_private.stripe_events.customer_id is
  'Whom it is about; null until that was asked of Stripe, when the event does not say.';
comment on column app_private.stripe_events.account_id is
  'The connected account, or the one within an organization; null for the endpoint''s own.';
comment on column app_private.stripe_events.payload is
  'As Stripe sent it. Nothing is ever decided by it: its age is unknown.';
comment on column app_private.stripe_events.created_at is
  'When Stripe made it, to the second: says nothing about order.';
comment on column app_private.stripe_events.received_seq is
  'Taken from stripe_sync_seq on arrival: a sync with a higher number has seen what it tells of.';
comment on column app_private.stripe_events.status is
  'pending: waits for its customer''s sync. processed: what it told of was read and written. ignored: '
  'of no interest. ignored_mode: of Stripe''s other mode (test or live). foreign: about a customer or '
  'an account that is not ours. failed: given up; an alarm tells of it. dismissed: by an operator.';
comment on column app_private.stripe_events.reason is
  'Why it is ignored, foreign or failed.';
/* Serves: what is still to be done for a customer, and whether one was met before as foreign. */
create index if not exists stripe_events_open_idx
  on app_private.stripe_events (customer_id, status)
  where status in ('pending', 'failed', 'foreign');
/* Serves: the newest first, and what is old enough to be forgotten. */
create index if not exists stripe_events_received_idx
  on app_private.stripe_events (received_at);

create table if not exists app_private.stripe_customers (
  tenant_id           uuid        not null,
  id                  text        not null,
  is_deleted          boolean     not null default false,
  sync_seq            bigint      not null default 0,
  synced_at           timestamptz,
  active_entitlements text[]      not null default '{}',
  constraint stripe_customers_pkey primary key (tenant_id, id),
  constraint stripe_customers_id_key unique (id),
  constraint stripe_customers_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint stripe_customers_id_bounded check (char_length(id) between 1 and 255)
);
comment on table app_private.stripe_customers is
  'Which tenant each Stripe customer is, and how fresh our copy of its subscriptions is.';
comment on column app_private.stripe_customers.sync_seq is
  'Taken from stripe_sync_seq before the fetch that was written last. Only a higher one may write.';
comment on column app_private.stripe_customers.active_entitlements is
  'Lookup keys of the features that Stripe says the customer has. What a tenant may use is decided '
  'by its plan here (plan_features); this is for comparing.';

create table if not exists app_private.stripe_subscriptions (
  tenant_id                 uuid        not null,
  id                        text        not null,
  customer_id               text        not null,
  status                    text        not null,
  plan_key                  text,
  current_period_start      timestamptz,
  current_period_end        timestamptz,
  cancel_at                 timestamptz,
  past_due_since            timestamptz,
  client_secret             text,
  created_at                timestamptz not null,
  grace_ends_at             timestamptz,
  trial_end                 timestamptz,
  ended_at                  timestamptz,
  cancellation_reason       text,
  pause_reason              text,
  pause_collection          text,
  pending_update_expires_at timestamptz,
  schedule_id               text,
  price_id                  text,
  quantity                  bigint,
  items                     jsonb       not null default '[]',
  known_status              text,
  unknown_since             timestamptz,
  constraint stripe_subscriptions_pkey primary key (tenant_id, id),
  constraint stripe_subscriptions_customer_fkey
    foreign key (tenant_id, customer_id) references app_private.stripe_customers (tenant_id, id)
    on delete cascade,
  constraint stripe_subscriptions_plan_fkey
    foreign key (plan_key) references app_public.plans (key)
);
comment on table app_private.stripe_subscriptions is
  'All subscriptions of our customers, as Stripe last told them.';
comment on column app_private.stripe_subscriptions.status is 'In Stripe''s words, known or not.';
comment on column app_private.stripe_subscriptions.plan_key is
  'The plan its price belongs to; null when no price of ours is among its items.';
comment on column app_private.stripe_subscriptions.current_period_end is
  'The earliest among its items: when the next invoice comes.';
comment on column app_private.stripe_subscriptions.past_due_since is
  'When the oldest invoice of the debt that runs was finalised, or due where it had been sent to be '
  'paid within some weeks; null when nothing is overdue.';
comment on column app_private.stripe_subscriptions.grace_ends_at is
  'Until when what it granted is kept: fixed when past_due_since or unknown_since was first seen, by '
  'the grace period configured then. Null when nothing is overdue and its status is known.';
comment on column app_private.stripe_subscriptions.cancellation_reason is
  'Why it was canceled, in Stripe''s words, e.g. payment_disputed.';
comment on column app_private.stripe_subscriptions.pause_reason is
  'Why it is paused, in Stripe''s words, e.g. trial_end_without_payment_method.';
comment on column app_private.stripe_subscriptions.pause_collection is
  'What becomes of its invoices while no payments are collected; null while they are.';
comment on column app_private.stripe_subscriptions.pending_update_expires_at is
  'When a change that waits for its payment lapses; null when none waits.';
comment on column app_private.stripe_subscriptions.schedule_id is
  'The schedule that changes it; null when it may be changed directly.';
comment on column app_private.stripe_subscriptions.price_id is
  'The price of the item that plan_key was found by, of which there are "quantity".';
comment on column app_private.stripe_subscriptions.items is
  'All its items: [{ id, price_id, product_id, lookup_key, quantity, unit_amount_decimal, currency, '
  'interval, interval_count, usage_type, current_period_start, current_period_end }]. '
  'unit_amount_decimal is text, exact to the last digit.';
comment on column app_private.stripe_subscriptions.known_status is
  'The last status that we know the meaning of; null when there was none.';
comment on column app_private.stripe_subscriptions.unknown_since is
  'When a status was first seen that we don''t know the meaning of; null while we do.';
/* Serves: a customer's subscriptions (and the foreign key). */
create index if not exists stripe_subscriptions_customer_idx
  on app_private.stripe_subscriptions (tenant_id, customer_id);
/* Serves the foreign key. */
create index if not exists stripe_subscriptions_plan_idx
  on app_private.stripe_subscriptions (plan_key, tenant_id);

create sequence if not exists app_private.stripe_sync_seq;
comment on sequence app_private.stripe_sync_seq is
  'Orders fetches from Stripe: taken before the fetch, compared at the write.';
