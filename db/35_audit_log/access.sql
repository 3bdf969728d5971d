revoke all on app_public.audit_entries from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody may update or delete: not a person, not a task, not even who writes it. */
grant select on app_public.audit_entries to app_user;
grant select, insert on app_public.audit_entries to app_definer;
