revoke all on app_private.feature_overrides, app_private.usage_counters, app_private.usage_records
  from public, app_user, app_anonymous, app_worker, app_definer;
/* The entitlements view runs with its reader's rights. */
grant select on app_private.feature_overrides, app_private.usage_counters to app_user, app_definer;
/* Nobody counts but consume_feature: a tenant can't lower what it used. */
grant insert, update (used) on app_private.usage_counters to app_definer;
grant select, insert on app_private.usage_records to app_definer;
