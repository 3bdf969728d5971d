create table if not exists app_private.stripe_checks (
  id          uuid        not null default uuidv7(),
  kind        text        not null,
  started_at  timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  result      jsonb       not null default '{}',
  constraint stripe_checks_pkey primary key (id),
  constraint stripe_checks_kind_known check (kind in ('poll', 'reconcile'))
);
comment on table app_private.stripe_checks is
  'Each look at Stripe for what its webhooks did not bring: the hourly poll of its events, the '
  'nightly comparison with all its subscriptions. Kept for 90 days, and '
  'the last one of a kind that came to its end.';
comment on column app_private.stripe_checks.finished_at is
  'Null while it runs, and for good when it was cut short: then the next one looks as far back.';
comment on column app_private.stripe_checks.result is
  'What was looked at and what was missing or different, in numbers.';
/* Serves: the last one of a kind that came to its end. */
create index if not exists stripe_checks_finished_idx
  on app_private.stripe_checks (kind, started_at desc) where finished_at is not null;
