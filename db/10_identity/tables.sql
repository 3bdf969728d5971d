/*
 * auth.*: better-auth 1.7's core tables and its jwt plugin's, with our names and types. Its
 * documentation of the core schema says what each column holds; server/auth/identity.ts maps the
 * names. Nothing but the identity provider reads or writes them.
 */
create table if not exists auth.users (
  id             uuid        not null default uuidv7(),
  email          text        not null,
  email_verified boolean     not null default false,
  name           text        not null,
  image          text,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint auth_users_pkey primary key (id),
  constraint auth_users_email_key unique (email),
  constraint auth_users_email_bounded check (char_length(email) between 3 and 320),
  constraint auth_users_name_bounded check (char_length(name) between 1 and 200),
  constraint auth_users_image_bounded check (char_length(image) <= 2048)
);
comment on table auth.users is 'People who can sign in here.';

create table if not exists auth.sessions (
  id         uuid        not null default uuidv7(),
  user_id    uuid        not null,
  token      text        not null,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint auth_sessions_pkey primary key (id),
  constraint auth_sessions_token_key unique (token),
  constraint auth_sessions_user_fkey
    foreign key (user_id) references auth.users (id) on delete cascade
);
comment on table auth.sessions is 'Sign-ins that are still good; the token is the cookie''s value.';
create index if not exists auth_sessions_user_idx on auth.sessions (user_id);

create table if not exists auth.accounts (
  id                       uuid        not null default uuidv7(),
  user_id                  uuid        not null,
  provider_id              text        not null,
  account_id               text        not null,
  password                 text,
  access_token             text,
  access_token_expires_at  timestamptz,
  refresh_token            text,
  refresh_token_expires_at timestamptz,
  id_token                 text,
  scope                    text,
  created_at               timestamptz not null default now(),
  updated_at               timestamptz not null default now(),
  constraint auth_accounts_pkey primary key (id),
  constraint auth_accounts_provider_account_key unique (provider_id, account_id),
  constraint auth_accounts_user_fkey
    foreign key (user_id) references auth.users (id) on delete cascade
);
comment on table auth.accounts is 'Ways to sign in: one row for a password, one for each provider.';
comment on column auth.accounts.password is 'A salted scrypt hash; null for other providers.';
create index if not exists auth_accounts_user_idx on auth.accounts (user_id);

create table if not exists auth.verifications (
  id         uuid        not null default uuidv7(),
  identifier text        not null,
  value      text        not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint auth_verifications_pkey primary key (id)
);
comment on table auth.verifications is 'Short-lived proofs: e-mail verification, password reset.';
create index if not exists auth_verifications_identifier_idx on auth.verifications (identifier);

create table if not exists auth.jwks (
  id          uuid        not null default uuidv7(),
  public_key  text        not null,
  private_key text        not null,
  alg         text,
  crv         text,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz,
  constraint auth_jwks_pkey primary key (id)
);
comment on table auth.jwks is 'Keys that sign access tokens.';
comment on column auth.jwks.private_key is 'Encrypted with AUTH_SECRET.';

create table if not exists auth.external_identities (
  issuer     text        not null,
  subject    text        not null,
  user_id    uuid        not null default uuidv7(),
  created_at timestamptz not null default now(),
  constraint auth_external_identities_pkey primary key (issuer, subject),
  constraint auth_external_identities_user_key unique (user_id),
  constraint auth_external_identities_issuer_bounded check (char_length(issuer) <= 2048),
  constraint auth_external_identities_subject_bounded check (char_length(subject) <= 255)
);
comment on table auth.external_identities is
  'People of external identity providers (AUTH_JWKS_URL), by what their tokens call them.';
comment on column auth.external_identities.user_id is
  'The person in app_public.users. Never found by e-mail: addresses change hands.';

create table if not exists app_public.users (
  id                uuid        not null,
  email             text        not null,
  name              text        not null,
  created_at        timestamptz not null default now(),
  is_email_verified boolean     not null default false,
  constraint users_pkey primary key (id),
  constraint users_email_bounded check (char_length(email) between 3 and 320),
  constraint users_name_bounded check (char_length(name) between 1 and 200)
);
comment on table app_public.users is
  E'@behavior -insert -update -delete\n'
  'A person, whichever identity provider they sign in with. Each sees only themselves.';
comment on column app_public.users.email is 'As the identity provider knows it.';
comment on column app_public.users.is_email_verified is
  'Whether the identity provider has seen proof that the address is theirs. A changed address is '
  'not verified until there is proof again.';
