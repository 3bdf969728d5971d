revoke all on app_private.stripe_checks
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, update (finished_at, result), delete
  on app_private.stripe_checks to app_worker;
