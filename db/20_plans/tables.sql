create table if not exists app_public.plans (
  key         text     not null,
  name        text     not null,
  description text     not null default '',
  position    smallint not null,
  constraint plans_pkey primary key (key),
  constraint plans_key_format check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  constraint plans_name_bounded check (char_length(name) between 1 and 100),
  constraint plans_description_bounded check (char_length(description) <= 1000)
);
comment on table app_public.plans is 'What a tenant can subscribe to. Anyone may read it.';
comment on column app_public.plans.position is 'Order on a pricing page, smallest first.';

create table if not exists app_public.features (
  key         text not null,
  name        text not null,
  kind        text not null,
  constraint features_pkey primary key (key),
  constraint features_key_format check (key ~ '^[a-z][a-zA-Z0-9]{0,39}$'),
  constraint features_name_bounded check (char_length(name) between 1 and 100),
  constraint features_kind_known check (kind in ('boolean', 'count', 'metered'))
);
comment on table app_public.features is 'What a plan may contain. Anyone may read it.';
comment on column app_public.features.kind is
  'boolean: on or off. count: how many may exist at once. metered: how many may be used in one '
  'billing period.';

create table if not exists app_public.plan_features (
  plan_key    text    not null,
  feature_key text    not null,
  is_enabled  boolean not null default true,
  quota       bigint,
  constraint plan_features_pkey primary key (plan_key, feature_key),
  constraint plan_features_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_features_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint plan_features_quota_not_negative check (quota >= 0)
);
comment on table app_public.plan_features is
  'What each plan grants. A feature without a row here is not in the plan.';
comment on column app_public.plan_features.quota is
  'The most a tenant may have, or use in one billing period; null means no limit.';
comment on constraint plan_features_plan_fkey on app_public.plan_features is
  E'@fieldName plan\n@foreignFieldName features';
comment on constraint plan_features_feature_fkey on app_public.plan_features is
  E'@fieldName feature\n@foreignFieldName plans';
/* Serves: which plans have this feature (and the foreign key). */
create index if not exists plan_features_feature_idx on app_public.plan_features (feature_key);

create table if not exists app_public.plan_prices (
  plan_key     text    not null,
  "interval"   text    not null,
  currency     text    not null,
  amount_minor integer not null,
  lookup_key   text    not null generated always as (plan_key || '_' || "interval") stored,
  constraint plan_prices_pkey primary key (plan_key, "interval"),
  constraint plan_prices_lookup_key_key unique (lookup_key),
  constraint plan_prices_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_prices_interval_known check ("interval" in ('month', 'year')),
  constraint plan_prices_currency_format check (currency ~ '^[a-z]{3}$'),
  constraint plan_prices_amount_not_negative check (amount_minor >= 0)
);
comment on table app_public.plan_prices is 'What each plan costs. Anyone may read it.';
comment on column app_public.plan_prices.interval is 'How often it is charged, in Stripe''s words.';
comment on column app_public.plan_prices.currency is 'ISO 4217, in lower case as Stripe writes it.';
comment on column app_public.plan_prices.amount_minor is
  'In the currency''s smallest unit: 4900 is 49.00 USD.';
comment on column app_public.plan_prices.lookup_key is 'The price''s lookup_key at Stripe.';
comment on constraint plan_prices_plan_fkey on app_public.plan_prices is
  E'@fieldName plan\n@foreignFieldName prices';
