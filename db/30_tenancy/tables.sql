create table if not exists app_public.tenants (
  id                   uuid        not null default uuidv7(),
  name                 text        not null,
  plan                 text        not null,
  status               text        not null default 'provisioning',
  access               text        not null default 'none',
  access_reason        text        not null default 'provisioning',
  current_period_start timestamptz,
  current_period_end   timestamptz,
  cancel_at            timestamptz,
  grace_ends_at        timestamptz,
  created_at           timestamptz not null default now(),
  trial_ends_at        timestamptz,
  access_until         timestamptz,
  closed_at            timestamptz,
  constraint tenants_pkey primary key (id),
  constraint tenants_plan_fkey foreign key (plan) references app_public.plans (key),
  constraint tenants_name_bounded check (char_length(name) between 1 and 100),
  constraint tenants_name_printable check (
    name = btrim(name) and name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  ),
  constraint tenants_status_known check (
    status in (
      'provisioning', 'incomplete', 'trialing', 'active', 'past_due', 'suspended', 'closed'
    )
  ),
  constraint tenants_access_known check (access in ('full', 'read_only', 'none')),
  constraint tenants_access_reason_bounded check (char_length(access_reason) <= 100)
);
comment on table app_public.tenants is
  E'@behavior -query:resource:list -query:resource:connection\n'
  'A customer''s organisation: what its people share, pay for, and are walled off by. Status, '
  'access and the dates are what Stripe last said (50_billing/sync.sql writes them).';
comment on column app_public.tenants.plan is 'The plan subscribed to, or asked for until it is paid.';
comment on column app_public.tenants.status is
  'provisioning: Stripe has not answered yet. incomplete: the first payment is due. trialing, '
  'active. past_due: a payment failed, the grace period runs. suspended: nothing is paid. closed.';
comment on column app_public.tenants.access is
  'What the tenant''s people may do with its rows: full, read_only or none.';
comment on column app_public.tenants.access_reason is
  'Why access is what it is, for a message: provisioning, awaiting_payment, payment_expired, trial, '
  'paid, collection_paused, payment_failed, grace_ended, unpaid, paused, canceled, payment_disputed, '
  'unknown_status.';
comment on column app_public.tenants.current_period_end is
  'When the paid period ends and the next invoice comes; null before the first.';
comment on column app_public.tenants.cancel_at is
  'When the subscription will end by itself; null when no cancellation is scheduled.';
comment on column app_public.tenants.grace_ends_at is
  'Until when a tenant whose payment failed keeps its access, or kept it; null when nothing is '
  'overdue.';
comment on column app_public.tenants.trial_ends_at is
  'When the trial ends and the first payment is due; null when it is not on trial.';
comment on column app_public.tenants.access_until is
  'Until when the access is sure to last, by what is known now: the end of the grace period or the '
  'scheduled cancellation. Null when nothing ends it.';
comment on column app_public.tenants.closed_at is
  E'@behavior -*\n'
  'Since when it is closed; null while it is not.';
comment on constraint tenants_plan_fkey on app_public.tenants is
  E'@fieldName planDetails\n@backwardBehavior -*';
/* Serves the foreign key: whether a plan still has tenants. */
create index if not exists tenants_plan_idx on app_public.tenants (plan, id);

create table if not exists app_public.roles (
  key      text     not null,
  name     text     not null,
  position smallint not null,
  constraint roles_pkey primary key (key),
  constraint roles_key_format check (key ~ '^[a-z][a-z_]{0,39}$'),
  constraint roles_name_bounded check (char_length(name) between 1 and 100)
);
comment on table app_public.roles is 'What a member of a tenant can be.';
comment on column app_public.roles.position is 'From most to least powerful, smallest first.';

create table if not exists app_public.role_permissions (
  role_key   text not null,
  permission text not null,
  constraint role_permissions_pkey primary key (role_key, permission),
  constraint role_permissions_role_fkey
    foreign key (role_key) references app_public.roles (key) on delete cascade,
  constraint role_permissions_permission_format check (permission ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$')
);
comment on table app_public.role_permissions is 'What each role may do.';
comment on constraint role_permissions_role_fkey on app_public.role_permissions is
  E'@fieldName role\n@foreignFieldName permissions';

create table if not exists app_public.memberships (
  tenant_id  uuid        not null default app_private.member_tenant_id(),
  user_id    uuid        not null,
  role       text        not null,
  created_at timestamptz not null default now(),
  constraint memberships_pkey primary key (tenant_id, user_id),
  constraint memberships_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint memberships_user_fkey
    foreign key (user_id) references app_public.users (id) on delete restrict,
  constraint memberships_role_fkey foreign key (role) references app_public.roles (key)
);
comment on table app_public.memberships is 'Who belongs to a tenant, and as what.';
/* memberships_user() is the field instead: policies show a person nobody but themselves. */
comment on constraint memberships_user_fkey on app_public.memberships is
  E'@behavior -*';
comment on constraint memberships_role_fkey on app_public.memberships is
  E'@fieldName roleDetails\n@backwardBehavior -*';
/* Serves: the tenants of a person (and the foreign key). */
create index if not exists memberships_user_idx on app_public.memberships (user_id, tenant_id);
/* Serves the foreign key: whether a role is still given to anyone. */
create index if not exists memberships_role_idx on app_public.memberships (role, tenant_id);

create table if not exists app_public.invitations (
  tenant_id   uuid        not null default app_private.writable_tenant_id(),
  id          uuid        not null default uuidv7(),
  email       text        not null,
  role        text        not null,
  status      text        not null default 'open',
  invited_by  uuid        not null default app_private.current_user_id(),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null default now() + interval '7 days',
  sent_at     timestamptz not null default now(),
  sent_count  smallint    not null default 1,
  answered_at timestamptz,
  constraint invitations_pkey primary key (tenant_id, id),
  constraint invitations_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint invitations_role_fkey foreign key (role) references app_public.roles (key),
  constraint invitations_invited_by_fkey
    foreign key (invited_by) references app_public.users (id) on delete cascade,
  constraint invitations_email_bounded check (char_length(email) between 3 and 320),
  constraint invitations_email_format check (
    email = lower(email)
    /* No two addresses, and none in the guise of another: "a,b@x", "a<b@x>". */
    and email ~ '^[^][:space:][:cntrl:]@,;:<>()\\"[]+@[^][:space:][:cntrl:]@,;:<>()\\"[]+$'
  ),
  constraint invitations_status_known
    check (status in ('open', 'accepted', 'declined', 'revoked', 'expired'))
);
comment on table app_public.invitations is
  'Asks somebody, by e-mail, to become a member. For those whose role may invite.';
comment on column app_public.invitations.email is 'In lower case. Only its owner can accept.';
comment on column app_public.invitations.status is
  'open, also after expires_at until somebody invites again; accepted, declined, revoked, expired.';
comment on column app_public.invitations.invited_by is
  'Who must still be allowed to invite when it is accepted; whoever sends it again takes it over.';
comment on column app_public.invitations.sent_at is 'When the last e-mail was asked for.';
comment on column app_public.invitations.sent_count is
  'How often it was sent, counted anew when the last e-mail is a day old.';
comment on column app_public.invitations.answered_at is
  'When it was accepted or declined; null before.';
comment on constraint invitations_tenant_fkey on app_public.invitations is
  E'@fieldName tenant\n@backwardBehavior -*';
comment on constraint invitations_role_fkey on app_public.invitations is
  E'@fieldName roleDetails\n@backwardBehavior -*';
comment on constraint invitations_invited_by_fkey on app_public.invitations is E'@behavior -*';
/* At most one open invitation for an address, whoever races. */
create unique index if not exists invitations_one_open
  on app_public.invitations (tenant_id, email) where status = 'open';
/* Serves: how many were sent of late (invite_member). */
create index if not exists invitations_sent_idx on app_public.invitations (tenant_id, sent_at);
/* Each serves a foreign key. */
create index if not exists invitations_role_idx on app_public.invitations (role, tenant_id);
create index if not exists invitations_invited_by_idx
  on app_public.invitations (invited_by, tenant_id);

create table if not exists app_private.invitation_tokens (
  tenant_id     uuid        not null,
  invitation_id uuid        not null,
  token_hash    bytea       not null,
  created_at    timestamptz not null default now(),
  constraint invitation_tokens_pkey primary key (tenant_id, invitation_id, token_hash),
  constraint invitation_tokens_invitation_fkey
    foreign key (tenant_id, invitation_id)
    references app_public.invitations (tenant_id, id) on delete cascade,
  constraint invitation_tokens_hash_key unique (token_hash),
  constraint invitation_tokens_hash_length check (octet_length(token_hash) = 32)
);
comment on table app_private.invitation_tokens is
  'What opens an invitation, as SHA-256. Several when its e-mail had to be tried again.';

create table if not exists app_public.api_keys (
  tenant_id    uuid        not null default app_private.writable_tenant_id(),
  id           uuid        not null default uuidv7(),
  name         text        not null,
  scopes       text[]      not null,
  hint         text        not null,
  created_by   uuid        not null default app_private.current_user_id(),
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint api_keys_created_by_fkey
    foreign key (created_by) references app_public.users (id) on delete restrict,
  constraint api_keys_name_bounded check (char_length(name) between 1 and 100),
  constraint api_keys_name_printable check (name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'),
  constraint api_keys_scopes_known check (
    scopes <@ array['read', 'write', 'billing'] and cardinality(scopes) between 1 and 3
  ),
  constraint api_keys_hint_bounded check (char_length(hint) <= 20)
);
comment on table app_public.api_keys is
  'Lets a machine act as the tenant, never as a person. For those whose role may manage keys.';
comment on column app_public.api_keys.scopes is
  'read: the tenant''s rows. write: the same, and changes them. billing: what the permission '
  'billing.manage allows.';
comment on column app_public.api_keys.hint is 'How the key begins and ends, to recognise it by.';
comment on column app_public.api_keys.expires_at is 'Null means never.';
comment on column app_public.api_keys.revoked_at is 'Null while the key stands.';
comment on constraint api_keys_tenant_fkey on app_public.api_keys is
  E'@fieldName tenant\n@backwardBehavior -*';
comment on constraint api_keys_created_by_fkey on app_public.api_keys is E'@behavior -*';
/* Serves the foreign key. */
create index if not exists api_keys_created_by_idx on app_public.api_keys (created_by, tenant_id);

create table if not exists app_private.api_key_secrets (
  tenant_id  uuid        not null,
  api_key_id uuid        not null,
  key_hash   bytea       not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint api_key_secrets_pkey primary key (tenant_id, api_key_id, key_hash),
  constraint api_key_secrets_api_key_fkey
    foreign key (tenant_id, api_key_id)
    references app_public.api_keys (tenant_id, id) on delete cascade,
  constraint api_key_secrets_hash_key unique (key_hash),
  constraint api_key_secrets_hash_length check (octet_length(key_hash) = 32)
);
comment on table app_private.api_key_secrets is
  'API keys as SHA-256 (they are random, so a slow hash would add nothing). Two for a key that was '
  'rotated with an overlap.';
comment on column app_private.api_key_secrets.expires_at is
  'When a rotated secret stops; null means with its key.';

create table if not exists app_private.api_key_uses (
  tenant_id    uuid        not null,
  api_key_id   uuid        not null,
  last_used_at timestamptz,
  constraint api_key_uses_pkey primary key (tenant_id, api_key_id),
  constraint api_key_uses_api_key_fkey
    foreign key (tenant_id, api_key_id)
    references app_public.api_keys (tenant_id, id) on delete cascade
);
comment on table app_private.api_key_uses is
  'When a key was last used. Apart from the key itself: a request locks this row until it ends, and '
  'revoking must not wait for whoever is using the key.';
comment on column app_private.api_key_uses.last_used_at is
  'To the minute; null before the first use.';
