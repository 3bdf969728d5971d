revoke all on app_private.alarms from public, app_user, app_anonymous, app_worker, app_definer;
grant
  select, insert,
  update (message, details, times, last_raised_at, resolved_at)
  on app_private.alarms to app_worker, app_definer;
