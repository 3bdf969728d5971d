insert into app_public.plans (key, name, description, position) values
  ('starter',    'Starter',    'For a first project.',          1),
  ('pro',        'Pro',        'For a team that ships.',        2),
  ('enterprise', 'Enterprise', 'For companies without limits.', 3)
on conflict (key) do update set
  name = excluded.name,
  description = excluded.description,
  position = excluded.position;

insert into app_public.features (key, name, kind) values
  ('apiCalls',     'API calls',     'metered'),
  ('seats',        'Seats',         'count'),
  ('customDomain', 'Custom domain', 'boolean')
on conflict (key) do update set
  name = excluded.name,
  kind = excluded.kind;

insert into app_public.plan_features (plan_key, feature_key, is_enabled, quota) values
  ('starter',    'apiCalls',     true,   1000),
  ('starter',    'seats',        true,      3),
  ('starter',    'customDomain', false,  null),
  ('pro',        'apiCalls',     true,  50000),
  ('pro',        'seats',        true,     15),
  ('pro',        'customDomain', true,   null),
  ('enterprise', 'apiCalls',     true,   null),
  ('enterprise', 'seats',        true,   null),
  ('enterprise', 'customDomain', true,   null)
on conflict (plan_key, feature_key) do update set
  is_enabled = excluded.is_enabled,
  quota = excluded.quota;

/* What is to be created at Stripe. What is there already is as it is: see catalog.sql. */
insert into app_public.plan_prices as known (plan_key, "interval", currency, amount_minor) values
  ('starter',    'month', 'usd',   1900),
  ('starter',    'year',  'usd',  19000),
  ('pro',        'month', 'usd',   4900),
  ('pro',        'year',  'usd',  49000),
  ('enterprise', 'month', 'usd',  49900),
  ('enterprise', 'year',  'usd', 499000)
on conflict (plan_key, "interval") do update set
  currency = excluded.currency,
  amount_minor = excluded.amount_minor
where known.stripe_price_id is null;
