create or replace function app_private.billing_turn(p_kind text)
  returns text
  language sql immutable parallel safe
return case when p_kind in ('portal', 'preview') then p_kind else 'subscription' end;
comment on function app_private.billing_turn(text) is
  'What a kind of billing request must not overtake, nor be overtaken by: all that may change the '
  'subscription takes its turn together, pages and prices each among themselves.';
revoke all on function app_private.billing_turn(text) from public;
/* PostgreSQL 15 works the column out anew in every merge, whoever merges. */
grant execute on function app_private.billing_turn(text) to app_definer, app_worker;

create table if not exists app_public.billing_requests (
  tenant_id      uuid             not null,
  id             uuid             not null default uuidv7(),
  kind           text             not null,
  status         text             not null default 'pending',
  requested_by   uuid,
  api_key_id     uuid,
  plan           text,
  "interval"     text,
  flow           text,
  at_period_end  boolean,
  preview_id     uuid,
  success_url    text,
  cancel_url     text,
  return_url     text,
  prorated_at    timestamptz,
  url            text,
  expires_at     timestamptz,
  total          double precision,
  amount_due     double precision,
  currency       text,
  lines          jsonb,
  client_secret  text,
  error_code     text,
  error_message  text,
  created_at     timestamptz      not null default now(),
  finished_at    timestamptz,
  key_generation smallint         not null default 0,
  seats          integer          not null default 1,
  turn           text             not null
    generated always as (app_private.billing_turn(kind)) stored,
  stripe_subscription_id text,
  constraint billing_requests_pkey primary key (tenant_id, id),
  constraint billing_requests_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_requests_kind_known
    check (kind in ('checkout', 'portal', 'preview', 'change', 'cancel', 'resume')),
  constraint billing_requests_status_known check (status in ('pending', 'done', 'failed')),
  constraint billing_requests_error_when_failed
    check ((status = 'failed') = (error_code is not null)),
  constraint billing_requests_error_code_known check (
    error_code in (
      'already_subscribed', 'card_declined', 'expired', 'no_payment_method', 'no_subscription',
      'not_sold', 'paused', 'payment_overdue', 'payment_processing', 'preview_outdated',
      'refused', 'scheduled_change'
    )
  ),
  constraint billing_requests_error_message_bounded check (char_length(error_message) <= 1000),
  constraint billing_requests_plan_bounded check (char_length(plan) <= 40),
  constraint billing_requests_interval_bounded check (char_length("interval") <= 20),
  constraint billing_requests_flow_known
    check (flow in ('payment_method_update', 'subscription_cancel', 'subscription_update')),
  constraint billing_requests_success_url_bounded check (char_length(success_url) <= 2100),
  constraint billing_requests_cancel_url_bounded check (char_length(cancel_url) <= 2100),
  constraint billing_requests_return_url_bounded check (char_length(return_url) <= 2100),
  constraint billing_requests_url_bounded check (char_length(url) <= 5000),
  constraint billing_requests_currency_bounded check (char_length(currency) <= 10),
  constraint billing_requests_client_secret_bounded check (char_length(client_secret) <= 1000),
  constraint billing_requests_seats_positive check (seats > 0),
  constraint billing_requests_stripe_subscription_bounded
    check (char_length(stripe_subscription_id) <= 255)
);
comment on table app_public.billing_requests is
  'What was asked of Stripe for a tenant, and what came of it. For those who may manage billing. The '
  'mutations that make one wait for its end up to ten seconds; after that, read it again.';
comment on column app_public.billing_requests.kind is
  'checkout, portal, preview, change, cancel or resume.';
comment on column app_public.billing_requests.status is
  'pending; done: Stripe has done it; failed: errorCode says why. A failed one is asked again by '
  'the mutation, never by itself.';
comment on column app_public.billing_requests.requested_by is
  'The person who asked; null when an API key did.';
comment on column app_public.billing_requests.api_key_id is
  'The API key that asked; null when a person did.';
comment on column app_public.billing_requests.interval is
  'month or year; null when the interval stays as it is.';
comment on column app_public.billing_requests.flow is
  'What the portal opens with; null for its front page.';
comment on column app_public.billing_requests.at_period_end is
  'Of a cancellation: whether it takes effect when what is paid for is used up, or at once.';
comment on column app_public.billing_requests.preview_id is
  'Of a change: the preview whose amounts it was to have.';
comment on column app_public.billing_requests.prorated_at is
  'The time from which a change is charged. A change after a preview has the preview''s.';
comment on column app_public.billing_requests.url is
  'The page of Stripe''s to send the person to. Whoever has it may use it.';
comment on column app_public.billing_requests.expires_at is 'Until when url is good.';
comment on column app_public.billing_requests.total is
  'Of a preview or a change: the invoice''s total in the currency''s smallest unit. Below zero it is '
  'credited to what is invoiced next.';
comment on column app_public.billing_requests.amount_due is
  'What is charged of total, after credits. A whole number of the currency''s smallest unit.';
comment on column app_public.billing_requests.currency is
  'ISO 4217, in lower case as Stripe writes it.';
comment on column app_public.billing_requests.lines is
  'The invoice''s lines: [{ "description", "amount" }].';
comment on column app_public.billing_requests.client_secret is
  'For Stripe.js to confirm the payment that the request waits for; null when none does.';
comment on column app_public.billing_requests.error_code is
  'Why it failed, for programs; null unless it did. docs/frontend_billing.md lists them.';
comment on column app_public.billing_requests.error_message is 'Why it failed, for people.';
comment on column app_public.billing_requests.key_generation is
  E'@behavior -*\n'
  'Part of the idempotency keys. Counts up when Stripe answered 5xx: it goes on answering so to the '
  'same key.';
comment on column app_public.billing_requests.seats is
  E'@behavior -*\n'
  'How many members the tenant had when it was asked: what is billed by seat is sold for so many. A '
  'change after a preview has the preview''s.';
comment on column app_public.billing_requests.turn is
  E'@behavior -*\n'
  'Requests of one turn are open one at a time in a tenant.';
comment on column app_public.billing_requests.stripe_subscription_id is
  E'@behavior -*\n'
  'The subscription that was meant, and the only one that is acted on: the tenant''s when it was asked, '
  'else the first that the task found. Null for a checkout, and until the task has looked.';
comment on constraint billing_requests_tenant_fkey on app_public.billing_requests is
  E'@behavior -*';
/* At most one open request of a turn and tenant: a second click finds the first one's. */
create unique index if not exists billing_requests_one_open
  on app_public.billing_requests (tenant_id, turn) where status = 'pending';
