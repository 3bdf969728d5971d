revoke all on auth.users, auth.sessions, auth.accounts, auth.verifications, auth.jwks from public;
grant select, insert, update, delete
  on auth.users, auth.sessions, auth.accounts, auth.verifications, auth.jwks
  to app_identity;

revoke all on auth.external_identities from public;
grant select, insert, update (issuer) on auth.external_identities to app_identity;

revoke all on app_public.users from public, app_user, app_anonymous, app_identity, app_definer;
grant select on app_public.users to app_user, app_identity, app_definer;
/* People change their name where they sign in, not here: only the identity provider writes. */
grant insert (id, email, name), update (email, name) on app_public.users to app_identity;
