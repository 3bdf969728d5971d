create table if not exists app_private.feature_overrides (
  tenant_id   uuid        not null,
  feature_key text        not null,
  is_enabled  boolean     not null default true,
  quota       bigint,
  expires_at  timestamptz,
  created_at  timestamptz not null default now(),
  constraint feature_overrides_pkey primary key (tenant_id, feature_key),
  constraint feature_overrides_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint feature_overrides_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint feature_overrides_quota_not_negative check (quota >= 0)
);
comment on table app_private.feature_overrides is
  'What one tenant was granted apart from its plan. Replaces the plan''s row while it lasts.';
comment on column app_private.feature_overrides.quota is 'As in plan_features; null means no limit.';
comment on column app_private.feature_overrides.expires_at is 'Null means until it is deleted.';
/* Serves the foreign key. */
create index if not exists feature_overrides_feature_idx
  on app_private.feature_overrides (feature_key, tenant_id);

create table if not exists app_private.usage_counters (
  tenant_id    uuid        not null,
  feature_key  text        not null,
  period_start timestamptz not null,
  used         bigint      not null default 0,
  constraint usage_counters_pkey primary key (tenant_id, feature_key, period_start),
  constraint usage_counters_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint usage_counters_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint usage_counters_used_not_negative check (used >= 0)
);
comment on table app_private.usage_counters is
  'How much of a metered feature a tenant has used in a billing period.';
/* Serves the foreign key. */
create index if not exists usage_counters_feature_idx
  on app_private.usage_counters (feature_key, tenant_id);

create table if not exists app_private.usage_records (
  tenant_id       uuid        not null,
  feature_key     text        not null,
  idempotency_key text        not null,
  amount          integer     not null,
  created_at      timestamptz not null default now(),
  constraint usage_records_pkey primary key (tenant_id, feature_key, idempotency_key),
  constraint usage_records_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint usage_records_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint usage_records_idempotency_key_bounded
    check (char_length(idempotency_key) between 1 and 200),
  constraint usage_records_amount_bounded check (amount between 1 and 1000000)
);
comment on table app_private.usage_records is
  'Each use that was counted, by the caller''s key, so that a repeated call counts once.';
/* Serves the foreign key. */
create index if not exists usage_records_feature_idx
  on app_private.usage_records (feature_key, tenant_id);
