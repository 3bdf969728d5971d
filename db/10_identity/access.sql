revoke all on auth.users, auth.sessions, auth.accounts, auth.verifications, auth.jwks from public;
grant select, insert, update, delete
  on auth.users, auth.sessions, auth.accounts, auth.verifications, auth.jwks
  to app_identity;

revoke all on auth.external_identities from public;
grant select, insert, update (issuer) on auth.external_identities to app_identity;

revoke all on app_public.users
  from public, app_user, app_anonymous, app_identity, app_definer, app_worker;
grant select on app_public.users to app_user, app_identity, app_definer, app_worker;
/* People change their name where they sign in, not here: only the identity provider writes. */
grant
  insert (id, email, name, is_email_verified),
  update (email, name, is_email_verified)
  on app_public.users to app_identity;
