revoke all on app_public.roles, app_public.role_permissions
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.roles, app_public.role_permissions to app_user, app_definer;

revoke all on app_public.tenants from public, app_user, app_anonymous, app_worker, app_definer;
/* No insert: a tenant is born by create_tenant. No delete: a tenant is closed. */
grant select, update (name) on app_public.tenants to app_user;
/* Changes no name: lock_members needs the right to write the row, as its lock. */
grant select, insert, update (name) on app_public.tenants to app_definer;
grant
  select,
  update (
    plan, status, access, access_reason,
    current_period_start, current_period_end, cancel_at, grace_ends_at,
    trial_ends_at, access_until
  )
  on app_public.tenants to app_worker;

revoke all on app_public.memberships from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody writes memberships but the definer functions: a role is never one's own to choose. */
grant select on app_public.memberships to app_user;
grant select, insert, update (role), delete on app_public.memberships to app_definer;

revoke all on app_public.invitations, app_private.invitation_tokens
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.invitations to app_user;
grant
  select, insert,
  update (status, invited_by, expires_at, sent_at, sent_count, answered_at)
  on app_public.invitations to app_definer;
/* Hashes are for the definer functions alone; the worker adds one by record_invitation_token. */
grant select, insert, delete on app_private.invitation_tokens to app_definer;

revoke all on app_public.api_keys, app_private.api_key_secrets, app_private.api_key_uses
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select on app_public.api_keys to app_user;
grant select, insert, update (hint, revoked_at) on app_public.api_keys to app_definer;
grant select, insert, update (expires_at), delete on app_private.api_key_secrets to app_definer;
grant select on app_private.api_key_uses to app_user;
grant select, insert, update (last_used_at) on app_private.api_key_uses to app_definer;
