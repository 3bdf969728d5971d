revoke all on app_public.roles, app_public.role_permissions
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.roles, app_public.role_permissions to app_user, app_definer;

revoke all on app_public.tenants from public, app_user, app_anonymous, app_worker, app_definer;
/* No insert: a tenant is born by create_tenant. No delete: a tenant is closed. */
grant select, update (name) on app_public.tenants to app_user;
grant select, insert on app_public.tenants to app_definer;
grant
  select,
  update (
    plan, status, access, access_reason,
    current_period_start, current_period_end, cancel_at, grace_ends_at
  )
  on app_public.tenants to app_worker;

revoke all on app_public.memberships from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody writes memberships but the definer functions: a role is never one's own to choose. */
grant select on app_public.memberships to app_user;
grant select, insert on app_public.memberships to app_definer;
