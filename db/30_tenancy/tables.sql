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
  'Why access is what it is, for a message: provisioning, awaiting_payment, trial, paid, '
  'payment_failed, grace_ended, unpaid, paused, canceled.';
comment on column app_public.tenants.current_period_end is
  'When the paid period ends and the next invoice comes; null before the first.';
comment on column app_public.tenants.cancel_at is
  'When the subscription will end by itself; null when no cancellation is scheduled.';
comment on column app_public.tenants.grace_ends_at is
  'Until when a tenant whose payment failed keeps its access; null when nothing is overdue.';
comment on constraint tenants_plan_fkey on app_public.tenants is
  E'@fieldName planDetails\n@backwardBehavior -*';
/* Serves the foreign key: whether a plan still has tenants. */
create index if not exists tenants_plan_idx on app_public.tenants (plan);

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
  constraint role_permissions_permission_format check (permission ~ '^[a-z]+\.[a-z_]{1,40}$')
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
comment on constraint memberships_user_fkey on app_public.memberships is
  E'@fieldName user\n@backwardBehavior -*';
comment on constraint memberships_role_fkey on app_public.memberships is
  E'@fieldName roleDetails\n@backwardBehavior -*';
/* Serves: the tenants of a person (and the foreign key). */
create index if not exists memberships_user_idx on app_public.memberships (user_id);
/* Serves the foreign key: whether a role is still given to anyone. */
create index if not exists memberships_role_idx on app_public.memberships (role);
