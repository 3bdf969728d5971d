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
  meter_event text,
  constraint features_pkey primary key (key),
  constraint features_key_format check (key ~ '^[a-z][a-zA-Z0-9]{0,39}$'),
  constraint features_name_bounded check (char_length(name) between 1 and 100),
  constraint features_kind_known check (kind in ('boolean', 'count', 'metered')),
  constraint features_meter_event_metered check (meter_event is null or kind = 'metered'),
  constraint features_meter_event_bounded check (char_length(meter_event) between 1 and 100)
);
comment on table app_public.features is 'What a plan may contain. Anyone may read it.';
comment on column app_public.features.kind is
  'boolean: on or off. count: how many may exist at once. metered: how many may be used in one '
  'billing period.';
comment on column app_public.features.meter_event is
  E'@behavior -*\n'
  'The event_name of the meter at Stripe that is told of each use, to charge by it; null means that '
  'Stripe is told nothing.';

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
  plan_key            text        not null,
  "interval"          text        not null,
  currency            text        not null,
  amount_minor        integer,
  lookup_key          text        not null
    generated always as (plan_key || '_' || "interval") stored,
  is_billed_by_seat   boolean     not null default false,
  is_active           boolean     not null default true,
  unit_amount_decimal text,
  product_name        text,
  stripe_price_id     text,
  sync_seq            bigint      not null default 0,
  synced_at           timestamptz,
  constraint plan_prices_pkey primary key (plan_key, "interval"),
  constraint plan_prices_lookup_key_key unique (lookup_key),
  constraint plan_prices_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_prices_interval_known check ("interval" in ('month', 'year')),
  constraint plan_prices_currency_format check (currency ~ '^[a-z]{3}$'),
  constraint plan_prices_amount_not_negative check (amount_minor >= 0),
  constraint plan_prices_unit_amount_decimal_bounded
    check (char_length(unit_amount_decimal) <= 50),
  constraint plan_prices_product_name_bounded check (char_length(product_name) <= 1000),
  constraint plan_prices_stripe_price_bounded check (char_length(stripe_price_id) <= 255)
);
comment on table app_public.plan_prices is
  'What each plan costs: as it is to be created at Stripe, and once it is there, as Stripe has it '
  '(catalog.sql writes it). Anyone may read it.';
comment on column app_public.plan_prices.interval is 'How often it is charged, in Stripe''s words.';
comment on column app_public.plan_prices.currency is 'ISO 4217, in lower case as Stripe writes it.';
comment on column app_public.plan_prices.amount_minor is
  'In the currency''s smallest unit: 4900 is 49.00 USD. Null when Stripe has no such number: see '
  'unit_amount_decimal.';
comment on column app_public.plan_prices.lookup_key is 'The price''s lookup_key at Stripe.';
comment on column app_public.plan_prices.is_billed_by_seat is
  'Whether it is charged once for each member of the tenant. The founder''s to say, in the seed.';
comment on column app_public.plan_prices.is_active is
  'Whether it can be bought now. Whoever has bought it keeps it.';
comment on column app_public.plan_prices.unit_amount_decimal is
  'Like amount_minor, exact also where it has fractions; null before Stripe has told, and for a price '
  'in tiers.';
comment on column app_public.plan_prices.product_name is
  'What Stripe calls its product on invoices; null before Stripe has told.';
comment on column app_public.plan_prices.stripe_price_id is
  'The price that is sold now; null before Stripe has told, or when it has none.';
comment on column app_public.plan_prices.sync_seq is
  E'@behavior -*\n'
  'Taken from stripe_sync_seq before the fetch that was written last. Only a higher one may write.';
comment on column app_public.plan_prices.synced_at is
  E'@behavior -*\nWhen Stripe was last asked; null before.';
comment on constraint plan_prices_plan_fkey on app_public.plan_prices is
  E'@fieldName plan\n@foreignFieldName prices';

create table if not exists app_private.stripe_prices (
  id            text        not null,
  lookup_key    text        not null,
  first_seen_at timestamptz not null default now(),
  constraint stripe_prices_pkey primary key (id),
  constraint stripe_prices_lookup_key_fkey
    foreign key (lookup_key) references app_public.plan_prices (lookup_key) on delete cascade,
  constraint stripe_prices_id_bounded check (char_length(id) between 1 and 255)
);
comment on table app_private.stripe_prices is
  'Every price of Stripe''s that was ever one of ours. A lookup key moves to the new price when a '
  'price changes; those who bought the old one still have the plan.';
/* Serves the foreign key. */
create index if not exists stripe_prices_lookup_key_idx on app_private.stripe_prices (lookup_key);
