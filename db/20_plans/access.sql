revoke all
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Read by everyone, written by migrations only. */
grant select
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  to app_user, app_anonymous, app_worker, app_definer;
