create schema if not exists app_public;
comment on schema app_public is
  'Becomes the GraphQL API: every table, view and function here is a promise to a frontend.';

create schema if not exists app_private;
comment on schema app_private is
  'Never exposed: settings, checks, billing state, whatever a client has no business with.';

create schema if not exists auth;
comment on schema auth is
  'The identity provider''s tables (better-auth): people, sessions, passwords, signing keys.';

revoke all on schema app_public, app_private, auth from public;
grant usage on schema app_public, app_private
  to app_user, app_anonymous, app_worker, app_identity, app_definer, app_searcher;
grant usage on schema auth to app_identity;

/* The two logins call the doors that stand here: enter, receive_stripe_events. Nothing else. */
grant usage on schema app_private to rowhouse_server, rowhouse_worker;

/* A function's new owner must be able to create in its schema; app_definer has no login. */
grant create on schema app_public, app_private to app_definer, app_searcher;
