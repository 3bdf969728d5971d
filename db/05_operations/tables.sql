create table if not exists app_private.alarms (
  id             uuid        not null default uuidv7(),
  kind           text        not null,
  subject        text        not null,
  message        text        not null,
  details        jsonb       not null default '{}',
  times          integer     not null default 1,
  raised_at      timestamptz not null default now(),
  last_raised_at timestamptz not null default now(),
  resolved_at    timestamptz,
  constraint alarms_pkey primary key (id),
  constraint alarms_kind_form check (kind ~ '^[a-z][a-z_]{0,59}$'),
  constraint alarms_subject_bounded check (char_length(subject) <= 255),
  constraint alarms_message_bounded check (char_length(message) <= 1000)
);
comment on table app_private.alarms is
  'What an operator should look at. The same thing again counts up the open alarm instead of making '
  'another; what has mended itself is resolved, not deleted.';
comment on column app_private.alarms.kind is 'What is wrong, e.g. duplicate_subscription.';
comment on column app_private.alarms.subject is 'What it is wrong with: a Stripe id, a tenant''s id.';
comment on column app_private.alarms.times is 'How often it was raised since raised_at.';
/* At most one open alarm a matter, whoever races. */
create unique index if not exists alarms_one_open
  on app_private.alarms (kind, subject) where resolved_at is null;
