revoke all
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Read by everyone; written by migrations, and the prices by what Stripe says of them. */
grant select
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  to app_user, app_anonymous, app_worker, app_definer;
grant
  update (
    currency, amount_minor, is_active, unit_amount_decimal, product_name, stripe_price_id,
    sync_seq, synced_at
  )
  on app_public.plan_prices to app_worker;

revoke all on app_private.stripe_prices
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert (id, lookup_key), update (lookup_key) on app_private.stripe_prices to app_worker;
