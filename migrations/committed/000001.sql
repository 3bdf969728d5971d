--! Previous: -
--! Hash: sha1:9317e284358426aab60d7b7af4b68c0465be83c7

--! Included index.sql
--! Included 00_foundation/schemas.sql
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

/* The two logins call the doors that stand here: enter, receive_stripe_event. Nothing else. */
grant usage on schema app_private to rowhouse_server, rowhouse_worker;

/* A function's new owner must be able to create in its schema; app_definer has no login. */
grant create on schema app_public, app_private to app_definer, app_searcher;
--! EndIncluded 00_foundation/schemas.sql
--! Included 00_foundation/queue.sql
/*
 * graphile_worker's tables come from graphile-worker itself (`npm run migrate` installs them first).
 * They have row-level security without policies, so that only their owner gets in. The worker is
 * not an owner: these policies let it, and the definer functions that enqueue, work the queue.
 */
grant usage on schema graphile_worker to app_worker, app_definer;
grant execute on all functions in schema graphile_worker to app_worker, app_definer;
grant usage on all sequences in schema graphile_worker to app_worker, app_definer;
grant select, insert, update, delete on all tables in schema graphile_worker to app_worker;
-- The worker asks for the queue's version when it starts; the deployment alone writes it.
revoke insert, update, delete on graphile_worker.migrations from app_worker;
grant select, insert, update on
  graphile_worker._private_jobs,
  graphile_worker._private_job_queues,
  graphile_worker._private_tasks
  to app_definer;

drop policy if exists all_worker on graphile_worker._private_jobs;
create policy all_worker on graphile_worker._private_jobs
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_job_queues;
create policy all_worker on graphile_worker._private_job_queues
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_tasks;
create policy all_worker on graphile_worker._private_tasks
  for all to app_worker, app_definer using (true) with check (true);

drop policy if exists all_worker on graphile_worker._private_known_crontabs;
create policy all_worker on graphile_worker._private_known_crontabs
  for all to app_worker using (true) with check (true);
--! EndIncluded 00_foundation/queue.sql
--! Included 00_foundation/settings.sql
/*
 * Whose transaction this is. app_private.enter() writes the settings once a transaction; policies
 * read them through the functions below and look nothing up. Each function is a plain expression
 * that the planner inlines, so a policy is one index condition; its second half is reached only
 * when there is nothing to hand out, and then refuses loudly instead of showing no rows.
 *
 *   app.current_user_id      the person
 *   app.member_tenant_id     the tenant they are in, whatever its access
 *   app.current_tenant_id    the same, when it may be read
 *   app.writable_tenant_id   the same, when it may be written
 *   app.access               full, read_only or none
 *   app.access_reason        why, for the refusal
 *   app.permissions          what their role allows, separated by blanks
 *   app.api_key_id           the API key, when no person but a machine asks
 *   app.request              from where: {"ip", "requestId", "livemode"}, for the audit log
 */
create or replace function app_private.refuse_user()
  returns uuid
  language plpgsql stable parallel safe
as $$
begin
  raise exception 'You must be signed in'
    using errcode = 'LOGIN',
          hint    = 'Send an access token from POST /auth/token as Authorization: Bearer.';
end;
$$;
comment on function app_private.refuse_user() is
  'Raises LOGIN; stands where a user id was wanted and none is set.';

create or replace function app_private.api_key_lacks_scope()
  returns boolean
  language sql stable parallel safe
return coalesce(pg_catalog.current_setting('app.api_key_id', true), '') <> ''
  and (
    pg_catalog.current_setting('app.access', true) = 'full'
    or (
      pg_catalog.current_setting('app.access', true) = 'read_only'
      and pg_catalog.current_setting('app.current_tenant_id', true) = ''
    )
  );
comment on function app_private.api_key_lacks_scope() is
  'For refuse_tenant: whether the tenant would have allowed it, and only the API key does not.';

create or replace function app_private.refuse_tenant(p_scope text default 'read')
  returns uuid
  language plpgsql stable parallel safe
as $$
begin
  if coalesce(pg_catalog.current_setting('app.member_tenant_id', true), '') = '' then
    raise exception 'This needs a tenant, and the access token names none'
      using errcode = 'TNREQ',
            hint    = 'Ask POST /auth/token for a token with a tenantId.';
  elsif app_private.api_key_lacks_scope() then
    raise exception 'The API key lacks a scope that this needs'
      using errcode = 'DNIED',
            detail  = pg_catalog.json_build_object('scope', p_scope)::text,
            hint    = 'Make a key with this scope: createApiKey.';
  elsif pg_catalog.current_setting('app.access', true) = 'none' then
    raise exception 'The tenant is suspended'
      using errcode = 'TNSUS',
            detail  = pg_catalog.json_build_object(
                        'reason', pg_catalog.current_setting('app.access_reason', true)
                      )::text,
            hint    = 'currentTenant and its billing tell what is owed.';
  else
    raise exception 'The tenant is read-only'
      using errcode = 'TNRDO',
            detail  = pg_catalog.json_build_object(
                        'reason', pg_catalog.current_setting('app.access_reason', true)
                      )::text,
            hint    = 'currentTenant and its billing tell what is owed.';
  end if;
end;
$$;
comment on function app_private.refuse_tenant(text) is
  'Raises TNREQ, DNIED, TNSUS or TNRDO; stands where a tenant id was wanted and none may be handed '
  'out. p_scope is what an API key would have needed.';

create or replace function app_private.current_user_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.current_user_id', true), '')::uuid,
  app_private.refuse_user()
);
comment on function app_private.current_user_id() is
  'The signed-in person; raises LOGIN when there is none.';

create or replace function app_private.member_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.member_tenant_id', true), '')::uuid,
  app_private.refuse_tenant()
);
comment on function app_private.member_tenant_id() is
  'The tenant entered, also when suspended: for its own row, its people and its billing.';

create or replace function app_private.current_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.current_tenant_id', true), '')::uuid,
  app_private.refuse_tenant()
);
comment on function app_private.current_tenant_id() is
  'The tenant whose rows may be read; raises TNREQ or TNSUS when there is none.';

create or replace function app_private.writable_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.writable_tenant_id', true), '')::uuid,
  app_private.refuse_tenant('write')
);
comment on function app_private.writable_tenant_id() is
  'The tenant whose rows may be written; raises TNREQ, TNSUS or TNRDO when there is none.';

revoke all on function
  app_private.refuse_user(),
  app_private.api_key_lacks_scope(),
  app_private.refuse_tenant(text),
  app_private.current_user_id(),
  app_private.member_tenant_id(),
  app_private.current_tenant_id(),
  app_private.writable_tenant_id()
  from public;
grant execute on function
  app_private.refuse_user(),
  app_private.api_key_lacks_scope(),
  app_private.refuse_tenant(text),
  app_private.current_user_id(),
  app_private.member_tenant_id(),
  app_private.current_tenant_id(),
  app_private.writable_tenant_id()
  to app_user, app_worker, app_definer, app_searcher;
--! EndIncluded 00_foundation/settings.sql
--! Included 00_foundation/permissions.sql
create or replace function app_private.has_permission(permission text)
  returns boolean
  language sql stable parallel safe
return coalesce(
  has_permission.permission = any (
    pg_catalog.string_to_array(pg_catalog.current_setting('app.permissions', true), ' ')
  ),
  false
);
comment on function app_private.has_permission(text) is
  'Whether the caller''s role in the tenant allows this; for policies, where it is a constant.';

create or replace function app_private.require_permission(permission text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not app_private.has_permission(require_permission.permission) then
    raise exception 'Your role does not allow this'
      using errcode = 'DNIED',
            detail  = pg_catalog.json_build_object(
                        'permission', require_permission.permission
                      )::text,
            hint    = 'Ask an owner of the tenant.';
  end if;
end;
$$;
comment on function app_private.require_permission(text) is
  'Raises DNIED unless the caller''s role in the tenant allows this.';

revoke all on function
  app_private.has_permission(text),
  app_private.require_permission(text)
  from public;
grant execute on function
  app_private.has_permission(text),
  app_private.require_permission(text)
  to app_user, app_definer;
--! EndIncluded 00_foundation/permissions.sql

--! Included 05_operations/tables.sql
create table if not exists app_private.alarms (
  id             uuid        not null default uuidv7(),
  kind           text        not null,
  subject        text        not null,
  message        text        not null,
  details        jsonb       not null default '{}',
  times          integer     not null default 1,
  raised_at      timestamptz not null default now(),
  last_raised_at timestamptz not null default now(),
  resolved_at    timestamptz,
  constraint alarms_pkey primary key (id),
  constraint alarms_kind_form check (kind ~ '^[a-z][a-z_]{0,59}$'),
  constraint alarms_subject_bounded check (char_length(subject) <= 255),
  constraint alarms_message_bounded check (char_length(message) <= 1000)
);
comment on table app_private.alarms is
  'What an operator should look at. The same thing again counts up the open alarm instead of making '
  'another; what has mended itself is resolved, not deleted.';
comment on column app_private.alarms.kind is 'What is wrong, e.g. duplicate_subscription.';
comment on column app_private.alarms.subject is 'What it is wrong with: a Stripe id, a tenant''s id.';
comment on column app_private.alarms.times is 'How often it was raised since raised_at.';
/* At most one open alarm a matter, whoever races. */
create unique index if not exists alarms_one_open
  on app_private.alarms (kind, subject) where resolved_at is null;
--! EndIncluded 05_operations/tables.sql
--! Included 05_operations/access.sql
revoke all on app_private.alarms from public, app_user, app_anonymous, app_worker, app_definer;
grant
  select, insert,
  update (message, details, times, last_raised_at, resolved_at)
  on app_private.alarms to app_worker, app_definer;
--! EndIncluded 05_operations/access.sql
--! Included 05_operations/policies.sql
alter table app_private.alarms enable row level security;
alter table app_private.alarms force row level security;
drop policy if exists all_system on app_private.alarms;
create policy all_system on app_private.alarms
  for all to app_worker, app_definer using (true) with check (true);
--! EndIncluded 05_operations/policies.sql
--! Included 05_operations/alarms.sql
create or replace function app_private.raise_alarm(
  p_kind text,
  p_subject text,
  p_message text,
  p_details jsonb default '{}'
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.alarms (kind, subject, message, details)
  values (p_kind, left(p_subject, 255), left(p_message, 1000), p_details)
  on conflict (kind, subject) where resolved_at is null do update set
    message = excluded.message,
    details = excluded.details,
    times = alarms.times + 1,
    last_raised_at = now();
end;
comment on function app_private.raise_alarm(text, text, text, jsonb) is
  'Tells the operator of something; once for each matter that is open.';

create or replace function app_private.resolve_alarm(p_kind text, p_subject text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.alarms set resolved_at = now()
  where alarms.kind = p_kind
  and alarms.subject = left(p_subject, 255)
  and alarms.resolved_at is null;
end;
comment on function app_private.resolve_alarm(text, text) is
  'Closes the open alarm of a matter that has mended itself, if there is one.';

revoke all on function
  app_private.raise_alarm(text, text, text, jsonb),
  app_private.resolve_alarm(text, text)
  from public;
grant execute on function
  app_private.raise_alarm(text, text, text, jsonb),
  app_private.resolve_alarm(text, text)
  to app_worker, app_definer;
--! EndIncluded 05_operations/alarms.sql

--! Included 10_identity/tables.sql
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
--! EndIncluded 10_identity/tables.sql
--! Included 10_identity/access.sql
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
--! EndIncluded 10_identity/access.sql
--! Included 10_identity/policies.sql
alter table auth.users enable row level security;
alter table auth.users force row level security;
drop policy if exists all_identity on auth.users;
create policy all_identity on auth.users
  for all to app_identity using (true) with check (true);

alter table auth.sessions enable row level security;
alter table auth.sessions force row level security;
drop policy if exists all_identity on auth.sessions;
create policy all_identity on auth.sessions
  for all to app_identity using (true) with check (true);

alter table auth.accounts enable row level security;
alter table auth.accounts force row level security;
drop policy if exists all_identity on auth.accounts;
create policy all_identity on auth.accounts
  for all to app_identity using (true) with check (true);

alter table auth.verifications enable row level security;
alter table auth.verifications force row level security;
drop policy if exists all_identity on auth.verifications;
create policy all_identity on auth.verifications
  for all to app_identity using (true) with check (true);

alter table auth.jwks enable row level security;
alter table auth.jwks force row level security;
drop policy if exists all_identity on auth.jwks;
create policy all_identity on auth.jwks
  for all to app_identity using (true) with check (true);

alter table auth.external_identities enable row level security;
alter table auth.external_identities force row level security;
drop policy if exists all_identity on auth.external_identities;
create policy all_identity on auth.external_identities
  for all to app_identity using (true) with check (true);

alter table app_public.users enable row level security;
alter table app_public.users force row level security;
drop policy if exists select_self on app_public.users;
create policy select_self on app_public.users
  for select to app_user using (id = app_private.current_user_id());
/*
 * The trigger on auth.users writes as the identity provider; create_tenant reads the e-mail; the
 * worker sends mails to it.
 */
drop policy if exists select_system on app_public.users;
create policy select_system on app_public.users
  for select to app_identity, app_definer, app_worker using (true);
drop policy if exists insert_identity on app_public.users;
create policy insert_identity on app_public.users
  for insert to app_identity with check (true);
drop policy if exists update_identity on app_public.users;
create policy update_identity on app_public.users
  for update to app_identity using (true) with check (true);
--! EndIncluded 10_identity/policies.sql
--! Included 10_identity/functions.sql
create or replace function app_public.current_user()
  returns app_public.users
  language sql stable parallel safe
begin atomic
  select users.*
  from app_public.users
  where users.id = app_private.current_user_id();
end;
comment on function app_public.current_user() is 'The signed-in person.';
revoke all on function app_public.current_user() from public;
grant execute on function app_public.current_user() to app_user;

create or replace function auth.external_user(
  p_issuer text,
  p_subject text,
  p_email text,
  p_name text,
  p_is_email_verified boolean
)
  returns uuid
  language plpgsql volatile parallel unsafe
as $$
declare
  v_user_id uuid;
begin
  /* The update changes nothing; it makes the row come back, also to whoever lost the race. */
  insert into auth.external_identities (issuer, subject)
  values (p_issuer, p_subject)
  on conflict (issuer, subject) do update set issuer = excluded.issuer
  returning external_identities.user_id into v_user_id;

  insert into app_public.users (id, email, name, is_email_verified)
  values (v_user_id, p_email, p_name, p_is_email_verified)
  on conflict (id) do update set
    email = excluded.email,
    name = excluded.name,
    is_email_verified = excluded.is_email_verified
    where (users.email, users.name, users.is_email_verified)
      is distinct from (excluded.email, excluded.name, excluded.is_email_verified);
  return v_user_id;
end;
$$;
comment on function auth.external_user(text, text, text, text, boolean) is
  'The user that an external provider''s person is here, made at their first visit; e-mail, whether '
  'it is verified, and name follow the provider.';
revoke all on function auth.external_user(text, text, text, text, boolean) from public;
grant execute on function auth.external_user(text, text, text, text, boolean) to app_identity;

/*
 * security definer: the identity provider may book its two kinds of mail and nothing else in the
 * queue. The job holds the link, since only the provider knows it: whoever reads the queue could
 * follow it, and the queue is closed to all but the worker. The link is good for an hour; so the
 * job gives up after half an hour of failing, and is gone as soon as the mail is sent. A newer mail
 * of the kind takes the place of one that still waits.
 */
create or replace function app_private.enqueue_identity_mail(
  p_kind text,
  p_user_id uuid,
  p_url text
)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    p_kind in ('verify_email', 'reset_password')
    and p_user_id is not null
    and char_length(p_url) between 1 and 4096
  ) is not true then
    raise exception 'There is no such mail, or its link is too long'
      using errcode = 'INPUT';
  end if;
  perform graphile_worker.add_job(
    'send_identity_mail',
    json_build_object('kind', p_kind, 'user_id', p_user_id, 'url', p_url),
    job_key => 'identity_mail:' || p_kind || ':' || p_user_id,
    max_attempts => 8
  );
end;
$$;
comment on function app_private.enqueue_identity_mail(text, uuid, text) is
  'Books the mail with which a person proves their address (verify_email) or sets a new password '
  '(reset_password), with the link that it is about.';
alter function app_private.enqueue_identity_mail(text, uuid, text) owner to app_definer;
revoke all on function app_private.enqueue_identity_mail(text, uuid, text) from public;
grant execute on function app_private.enqueue_identity_mail(text, uuid, text) to app_identity;
--! EndIncluded 10_identity/functions.sql
--! Included 10_identity/triggers.sql
create or replace function app_private.tg_auth_users__mirror()
  returns trigger
  language plpgsql volatile
as $$
begin
  insert into app_public.users (id, email, name, is_email_verified)
  values (new.id, new.email, new.name, new.email_verified)
  on conflict (id) do update set
    email = excluded.email,
    name = excluded.name,
    is_email_verified = excluded.is_email_verified;
  return null;
end;
$$;
comment on function app_private.tg_auth_users__mirror() is
  'Keeps app_public.users in step with the people who sign in here.';
revoke all on function app_private.tg_auth_users__mirror() from public;
grant execute on function app_private.tg_auth_users__mirror() to app_identity;

create or replace trigger _100_mirror
  after insert or update of email, name, email_verified on auth.users
  for each row execute function app_private.tg_auth_users__mirror();

/*
 * Whatever changes an address, also a plugin of better-auth that is added one day, must not carry
 * the old address's proof over to the new one: an invitation is accepted on the strength of it.
 */
create or replace function app_private.tg_auth_users__unverify()
  returns trigger
  language plpgsql volatile
as $$
begin
  new.email_verified := false;
  return new;
end;
$$;
comment on function app_private.tg_auth_users__unverify() is
  'A changed address is not verified, whatever the old one was.';
revoke all on function app_private.tg_auth_users__unverify() from public;
grant execute on function app_private.tg_auth_users__unverify() to app_identity;

create or replace trigger _050_unverify
  before update on auth.users
  for each row when (new.email is distinct from old.email)
  execute function app_private.tg_auth_users__unverify();
--! EndIncluded 10_identity/triggers.sql

--! Included 20_plans/tables.sql
create table if not exists app_public.plans (
  key         text     not null,
  name        text     not null,
  description text     not null default '',
  position    smallint not null,
  constraint plans_pkey primary key (key),
  constraint plans_key_format check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  constraint plans_name_bounded check (char_length(name) between 1 and 100),
  constraint plans_description_bounded check (char_length(description) <= 1000)
);
comment on table app_public.plans is 'What a tenant can subscribe to. Anyone may read it.';
comment on column app_public.plans.position is 'Order on a pricing page, smallest first.';

create table if not exists app_public.features (
  key         text not null,
  name        text not null,
  kind        text not null,
  constraint features_pkey primary key (key),
  constraint features_key_format check (key ~ '^[a-z][a-zA-Z0-9]{0,39}$'),
  constraint features_name_bounded check (char_length(name) between 1 and 100),
  constraint features_kind_known check (kind in ('boolean', 'count', 'metered'))
);
comment on table app_public.features is 'What a plan may contain. Anyone may read it.';
comment on column app_public.features.kind is
  'boolean: on or off. count: how many may exist at once. metered: how many may be used in one '
  'billing period.';

create table if not exists app_public.plan_features (
  plan_key    text    not null,
  feature_key text    not null,
  is_enabled  boolean not null default true,
  quota       bigint,
  constraint plan_features_pkey primary key (plan_key, feature_key),
  constraint plan_features_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_features_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint plan_features_quota_not_negative check (quota >= 0)
);
comment on table app_public.plan_features is
  'What each plan grants. A feature without a row here is not in the plan.';
comment on column app_public.plan_features.quota is
  'The most a tenant may have, or use in one billing period; null means no limit.';
comment on constraint plan_features_plan_fkey on app_public.plan_features is
  E'@fieldName plan\n@foreignFieldName features';
comment on constraint plan_features_feature_fkey on app_public.plan_features is
  E'@fieldName feature\n@foreignFieldName plans';
/* Serves: which plans have this feature (and the foreign key). */
create index if not exists plan_features_feature_idx on app_public.plan_features (feature_key);

create table if not exists app_public.plan_prices (
  plan_key     text    not null,
  "interval"   text    not null,
  currency     text    not null,
  amount_minor integer not null,
  lookup_key   text    not null generated always as (plan_key || '_' || "interval") stored,
  constraint plan_prices_pkey primary key (plan_key, "interval"),
  constraint plan_prices_lookup_key_key unique (lookup_key),
  constraint plan_prices_plan_fkey
    foreign key (plan_key) references app_public.plans (key) on delete cascade,
  constraint plan_prices_interval_known check ("interval" in ('month', 'year')),
  constraint plan_prices_currency_format check (currency ~ '^[a-z]{3}$'),
  constraint plan_prices_amount_not_negative check (amount_minor >= 0)
);
comment on table app_public.plan_prices is 'What each plan costs. Anyone may read it.';
comment on column app_public.plan_prices.interval is 'How often it is charged, in Stripe''s words.';
comment on column app_public.plan_prices.currency is 'ISO 4217, in lower case as Stripe writes it.';
comment on column app_public.plan_prices.amount_minor is
  'In the currency''s smallest unit: 4900 is 49.00 USD.';
comment on column app_public.plan_prices.lookup_key is 'The price''s lookup_key at Stripe.';
comment on constraint plan_prices_plan_fkey on app_public.plan_prices is
  E'@fieldName plan\n@foreignFieldName prices';
--! EndIncluded 20_plans/tables.sql
--! Included 20_plans/access.sql
revoke all
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Read by everyone, written by migrations only. */
grant select
  on app_public.plans, app_public.features, app_public.plan_features, app_public.plan_prices
  to app_user, app_anonymous, app_worker, app_definer;
--! EndIncluded 20_plans/access.sql
--! Included 20_plans/policies.sql
alter table app_public.plans enable row level security;
alter table app_public.plans force row level security;
drop policy if exists select_everyone on app_public.plans;
create policy select_everyone on app_public.plans
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.features enable row level security;
alter table app_public.features force row level security;
drop policy if exists select_everyone on app_public.features;
create policy select_everyone on app_public.features
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.plan_features enable row level security;
alter table app_public.plan_features force row level security;
drop policy if exists select_everyone on app_public.plan_features;
create policy select_everyone on app_public.plan_features
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.plan_prices enable row level security;
alter table app_public.plan_prices force row level security;
drop policy if exists select_everyone on app_public.plan_prices;
create policy select_everyone on app_public.plan_prices
  for select to app_user, app_anonymous, app_worker, app_definer using (true);
--! EndIncluded 20_plans/policies.sql
--! Included 20_plans/seed.sql
insert into app_public.plans (key, name, description, position) values
  ('starter',    'Starter',    'For a first project.',          1),
  ('pro',        'Pro',        'For a team that ships.',        2),
  ('enterprise', 'Enterprise', 'For companies without limits.', 3)
on conflict (key) do update set
  name = excluded.name,
  description = excluded.description,
  position = excluded.position;

insert into app_public.features (key, name, kind) values
  ('apiCalls',     'API calls',     'metered'),
  ('seats',        'Seats',         'count'),
  ('customDomain', 'Custom domain', 'boolean')
on conflict (key) do update set
  name = excluded.name,
  kind = excluded.kind;

insert into app_public.plan_features (plan_key, feature_key, is_enabled, quota) values
  ('starter',    'apiCalls',     true,   1000),
  ('starter',    'seats',        true,      3),
  ('starter',    'customDomain', false,  null),
  ('pro',        'apiCalls',     true,  50000),
  ('pro',        'seats',        true,     15),
  ('pro',        'customDomain', true,   null),
  ('enterprise', 'apiCalls',     true,   null),
  ('enterprise', 'seats',        true,   null),
  ('enterprise', 'customDomain', true,   null)
on conflict (plan_key, feature_key) do update set
  is_enabled = excluded.is_enabled,
  quota = excluded.quota;

insert into app_public.plan_prices (plan_key, "interval", currency, amount_minor) values
  ('starter',    'month', 'usd',   1900),
  ('starter',    'year',  'usd',  19000),
  ('pro',        'month', 'usd',   4900),
  ('pro',        'year',  'usd',  49000),
  ('enterprise', 'month', 'usd',  49900),
  ('enterprise', 'year',  'usd', 499000)
on conflict (plan_key, "interval") do update set
  currency = excluded.currency,
  amount_minor = excluded.amount_minor;
--! EndIncluded 20_plans/seed.sql

--! Included 30_tenancy/tables.sql
create table if not exists app_public.tenants (
  id                   uuid        not null default uuidv7(),
  name                 text        not null,
  plan                 text        not null,
  status               text        not null default 'provisioning',
  access               text        not null default 'none',
  access_reason        text        not null default 'provisioning',
  current_period_start timestamptz,
  current_period_end   timestamptz,
  cancel_at            timestamptz,
  grace_ends_at        timestamptz,
  created_at           timestamptz not null default now(),
  trial_ends_at        timestamptz,
  access_until         timestamptz,
  constraint tenants_pkey primary key (id),
  constraint tenants_plan_fkey foreign key (plan) references app_public.plans (key),
  constraint tenants_name_bounded check (char_length(name) between 1 and 100),
  constraint tenants_name_printable check (
    name = btrim(name) and name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  ),
  constraint tenants_status_known check (
    status in (
      'provisioning', 'incomplete', 'trialing', 'active', 'past_due', 'suspended', 'closed'
    )
  ),
  constraint tenants_access_known check (access in ('full', 'read_only', 'none')),
  constraint tenants_access_reason_bounded check (char_length(access_reason) <= 100)
);
comment on table app_public.tenants is
  E'@behavior -query:resource:list -query:resource:connection\n'
  'A customer''s organisation: what its people share, pay for, and are walled off by. Status, '
  'access and the dates are what Stripe last said (50_billing/sync.sql writes them).';
comment on column app_public.tenants.plan is 'The plan subscribed to, or asked for until it is paid.';
comment on column app_public.tenants.status is
  'provisioning: Stripe has not answered yet. incomplete: the first payment is due. trialing, '
  'active. past_due: a payment failed, the grace period runs. suspended: nothing is paid. closed.';
comment on column app_public.tenants.access is
  'What the tenant''s people may do with its rows: full, read_only or none.';
comment on column app_public.tenants.access_reason is
  'Why access is what it is, for a message: provisioning, awaiting_payment, payment_expired, trial, '
  'paid, collection_paused, payment_failed, grace_ended, unpaid, paused, canceled, payment_disputed, '
  'unknown_status.';
comment on column app_public.tenants.current_period_end is
  'When the paid period ends and the next invoice comes; null before the first.';
comment on column app_public.tenants.cancel_at is
  'When the subscription will end by itself; null when no cancellation is scheduled.';
comment on column app_public.tenants.grace_ends_at is
  'Until when a tenant whose payment failed keeps its access, or kept it; null when nothing is '
  'overdue.';
comment on column app_public.tenants.trial_ends_at is
  'When the trial ends and the first payment is due; null when it is not on trial.';
comment on column app_public.tenants.access_until is
  'Until when the access is sure to last, by what is known now: the end of the grace period or the '
  'scheduled cancellation. Null when nothing ends it.';
comment on constraint tenants_plan_fkey on app_public.tenants is
  E'@fieldName planDetails\n@backwardBehavior -*';
/* Serves the foreign key: whether a plan still has tenants. */
create index if not exists tenants_plan_idx on app_public.tenants (plan);

create table if not exists app_public.roles (
  key      text     not null,
  name     text     not null,
  position smallint not null,
  constraint roles_pkey primary key (key),
  constraint roles_key_format check (key ~ '^[a-z][a-z_]{0,39}$'),
  constraint roles_name_bounded check (char_length(name) between 1 and 100)
);
comment on table app_public.roles is 'What a member of a tenant can be.';
comment on column app_public.roles.position is 'From most to least powerful, smallest first.';

create table if not exists app_public.role_permissions (
  role_key   text not null,
  permission text not null,
  constraint role_permissions_pkey primary key (role_key, permission),
  constraint role_permissions_role_fkey
    foreign key (role_key) references app_public.roles (key) on delete cascade,
  constraint role_permissions_permission_format check (permission ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$')
);
comment on table app_public.role_permissions is 'What each role may do.';
comment on constraint role_permissions_role_fkey on app_public.role_permissions is
  E'@fieldName role\n@foreignFieldName permissions';

create table if not exists app_public.memberships (
  tenant_id  uuid        not null default app_private.member_tenant_id(),
  user_id    uuid        not null,
  role       text        not null,
  created_at timestamptz not null default now(),
  constraint memberships_pkey primary key (tenant_id, user_id),
  constraint memberships_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint memberships_user_fkey
    foreign key (user_id) references app_public.users (id) on delete restrict,
  constraint memberships_role_fkey foreign key (role) references app_public.roles (key)
);
comment on table app_public.memberships is 'Who belongs to a tenant, and as what.';
/* memberships_user() is the field instead: policies show a person nobody but themselves. */
comment on constraint memberships_user_fkey on app_public.memberships is
  E'@behavior -*';
comment on constraint memberships_role_fkey on app_public.memberships is
  E'@fieldName roleDetails\n@backwardBehavior -*';
/* Serves: the tenants of a person (and the foreign key). */
create index if not exists memberships_user_idx on app_public.memberships (user_id);
/* Serves the foreign key: whether a role is still given to anyone. */
create index if not exists memberships_role_idx on app_public.memberships (role);

create table if not exists app_public.invitations (
  tenant_id   uuid        not null default app_private.writable_tenant_id(),
  id          uuid        not null default uuidv7(),
  email       text        not null,
  role        text        not null,
  status      text        not null default 'open',
  invited_by  uuid        not null default app_private.current_user_id(),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null default now() + interval '7 days',
  sent_at     timestamptz not null default now(),
  sent_count  smallint    not null default 1,
  answered_at timestamptz,
  constraint invitations_pkey primary key (tenant_id, id),
  constraint invitations_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint invitations_role_fkey foreign key (role) references app_public.roles (key),
  constraint invitations_invited_by_fkey
    foreign key (invited_by) references app_public.users (id) on delete cascade,
  constraint invitations_email_bounded check (char_length(email) between 3 and 320),
  constraint invitations_email_format check (
    email = lower(email)
    /* No two addresses, and none in the guise of another: "a,b@x", "a<b@x>". */
    and email ~ '^[^][:space:][:cntrl:]@,;:<>()\\"[]+@[^][:space:][:cntrl:]@,;:<>()\\"[]+$'
  ),
  constraint invitations_status_known
    check (status in ('open', 'accepted', 'declined', 'revoked', 'expired'))
);
comment on table app_public.invitations is
  'Asks somebody, by e-mail, to become a member. For those whose role may invite.';
comment on column app_public.invitations.email is 'In lower case. Only its owner can accept.';
comment on column app_public.invitations.status is
  'open, also after expires_at until somebody invites again; accepted, declined, revoked, expired.';
comment on column app_public.invitations.invited_by is
  'Who must still be allowed to invite when it is accepted; whoever sends it again takes it over.';
comment on column app_public.invitations.sent_at is 'When the last e-mail was asked for.';
comment on column app_public.invitations.sent_count is
  'How often it was sent, counted anew when the last e-mail is a day old.';
comment on column app_public.invitations.answered_at is
  'When it was accepted or declined; null before.';
comment on constraint invitations_tenant_fkey on app_public.invitations is
  E'@fieldName tenant\n@backwardBehavior -*';
comment on constraint invitations_role_fkey on app_public.invitations is
  E'@fieldName roleDetails\n@backwardBehavior -*';
comment on constraint invitations_invited_by_fkey on app_public.invitations is E'@behavior -*';
/* At most one open invitation for an address, whoever races. */
create unique index if not exists invitations_one_open
  on app_public.invitations (tenant_id, email) where status = 'open';
/* Serves: how many were sent of late (invite_member). */
create index if not exists invitations_sent_idx on app_public.invitations (tenant_id, sent_at);
/* Each serves a foreign key. */
create index if not exists invitations_role_idx on app_public.invitations (role);
create index if not exists invitations_invited_by_idx on app_public.invitations (invited_by);

create table if not exists app_private.invitation_tokens (
  tenant_id     uuid        not null,
  invitation_id uuid        not null,
  token_hash    bytea       not null,
  created_at    timestamptz not null default now(),
  constraint invitation_tokens_pkey primary key (tenant_id, invitation_id, token_hash),
  constraint invitation_tokens_invitation_fkey
    foreign key (tenant_id, invitation_id)
    references app_public.invitations (tenant_id, id) on delete cascade,
  constraint invitation_tokens_hash_key unique (token_hash),
  constraint invitation_tokens_hash_length check (octet_length(token_hash) = 32)
);
comment on table app_private.invitation_tokens is
  'What opens an invitation, as SHA-256. Several when its e-mail had to be tried again.';

create table if not exists app_public.api_keys (
  tenant_id    uuid        not null default app_private.writable_tenant_id(),
  id           uuid        not null default uuidv7(),
  name         text        not null,
  scopes       text[]      not null,
  hint         text        not null,
  created_by   uuid        not null default app_private.current_user_id(),
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  constraint api_keys_pkey primary key (tenant_id, id),
  constraint api_keys_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint api_keys_created_by_fkey
    foreign key (created_by) references app_public.users (id) on delete restrict,
  constraint api_keys_name_bounded check (char_length(name) between 1 and 100),
  constraint api_keys_name_printable check (name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'),
  constraint api_keys_scopes_known check (
    scopes <@ array['read', 'write', 'billing'] and cardinality(scopes) between 1 and 3
  ),
  constraint api_keys_hint_bounded check (char_length(hint) <= 20)
);
comment on table app_public.api_keys is
  'Lets a machine act as the tenant, never as a person. For those whose role may manage keys.';
comment on column app_public.api_keys.scopes is
  'read: the tenant''s rows. write: the same, and changes them. billing: what the permission '
  'billing.manage allows.';
comment on column app_public.api_keys.hint is 'How the key begins and ends, to recognise it by.';
comment on column app_public.api_keys.expires_at is 'Null means never.';
comment on column app_public.api_keys.revoked_at is 'Null while the key stands.';
comment on constraint api_keys_tenant_fkey on app_public.api_keys is
  E'@fieldName tenant\n@backwardBehavior -*';
comment on constraint api_keys_created_by_fkey on app_public.api_keys is E'@behavior -*';
/* Serves the foreign key. */
create index if not exists api_keys_created_by_idx on app_public.api_keys (created_by);

create table if not exists app_private.api_key_secrets (
  tenant_id  uuid        not null,
  api_key_id uuid        not null,
  key_hash   bytea       not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint api_key_secrets_pkey primary key (tenant_id, api_key_id, key_hash),
  constraint api_key_secrets_api_key_fkey
    foreign key (tenant_id, api_key_id)
    references app_public.api_keys (tenant_id, id) on delete cascade,
  constraint api_key_secrets_hash_key unique (key_hash),
  constraint api_key_secrets_hash_length check (octet_length(key_hash) = 32)
);
comment on table app_private.api_key_secrets is
  'API keys as SHA-256 (they are random, so a slow hash would add nothing). Two for a key that was '
  'rotated with an overlap.';
comment on column app_private.api_key_secrets.expires_at is
  'When a rotated secret stops; null means with its key.';

create table if not exists app_private.api_key_uses (
  tenant_id    uuid        not null,
  api_key_id   uuid        not null,
  last_used_at timestamptz,
  constraint api_key_uses_pkey primary key (tenant_id, api_key_id),
  constraint api_key_uses_api_key_fkey
    foreign key (tenant_id, api_key_id)
    references app_public.api_keys (tenant_id, id) on delete cascade
);
comment on table app_private.api_key_uses is
  'When a key was last used. Apart from the key itself: a request locks this row until it ends, and '
  'revoking must not wait for whoever is using the key.';
comment on column app_private.api_key_uses.last_used_at is
  'To the minute; null before the first use.';
--! EndIncluded 30_tenancy/tables.sql
--! Included 30_tenancy/access.sql
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
--! EndIncluded 30_tenancy/access.sql
--! Included 30_tenancy/policies.sql
alter table app_public.roles enable row level security;
alter table app_public.roles force row level security;
drop policy if exists select_everyone on app_public.roles;
create policy select_everyone on app_public.roles
  for select to app_user, app_definer using (true);

alter table app_public.role_permissions enable row level security;
alter table app_public.role_permissions force row level security;
drop policy if exists select_everyone on app_public.role_permissions;
create policy select_everyone on app_public.role_permissions
  for select to app_user, app_definer using (true);

alter table app_public.tenants enable row level security;
alter table app_public.tenants force row level security;
drop policy if exists select_member on app_public.tenants;
create policy select_member on app_public.tenants
  for select to app_user using (id = app_private.member_tenant_id());
drop policy if exists update_manager on app_public.tenants;
create policy update_manager on app_public.tenants
  for update to app_user
  using      (id = app_private.member_tenant_id() and app_private.has_permission('tenant.manage'))
  with check (id = app_private.member_tenant_id() and app_private.has_permission('tenant.manage'));
/* enter, my_tenants and create_tenant look across tenants; the sync writes what Stripe says. */
drop policy if exists select_system on app_public.tenants;
create policy select_system on app_public.tenants
  for select to app_definer, app_worker using (true);
drop policy if exists insert_definer on app_public.tenants;
create policy insert_definer on app_public.tenants
  for insert to app_definer with check (true);
drop policy if exists update_definer on app_public.tenants;
create policy update_definer on app_public.tenants
  for update to app_definer
  using      (id = app_private.member_tenant_id())
  with check (id = app_private.member_tenant_id());
drop policy if exists update_worker on app_public.tenants;
create policy update_worker on app_public.tenants
  for update to app_worker using (true) with check (true);

alter table app_public.memberships enable row level security;
alter table app_public.memberships force row level security;
drop policy if exists select_member on app_public.memberships;
create policy select_member on app_public.memberships
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('members.read')
  );
/* enter, my_tenants, create_tenant and accept_invitation look across tenants. */
drop policy if exists select_definer on app_public.memberships;
create policy select_definer on app_public.memberships
  for select to app_definer using (true);
drop policy if exists insert_definer on app_public.memberships;
create policy insert_definer on app_public.memberships
  for insert to app_definer with check (true);
drop policy if exists update_definer on app_public.memberships;
create policy update_definer on app_public.memberships
  for update to app_definer
  using      (tenant_id = app_private.member_tenant_id())
  with check (tenant_id = app_private.member_tenant_id());
drop policy if exists delete_definer on app_public.memberships;
create policy delete_definer on app_public.memberships
  for delete to app_definer using (tenant_id = app_private.member_tenant_id());

alter table app_public.invitations enable row level security;
alter table app_public.invitations force row level security;
drop policy if exists select_inviter on app_public.invitations;
create policy select_inviter on app_public.invitations
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('members.invite')
  );
/* Whoever answers an invitation is not in the tenant yet; only its token leads there. */
drop policy if exists all_definer on app_public.invitations;
create policy all_definer on app_public.invitations
  for all to app_definer using (true) with check (true);

alter table app_private.invitation_tokens enable row level security;
alter table app_private.invitation_tokens force row level security;
drop policy if exists all_definer on app_private.invitation_tokens;
create policy all_definer on app_private.invitation_tokens
  for all to app_definer using (true) with check (true);

alter table app_public.api_keys enable row level security;
alter table app_public.api_keys force row level security;
drop policy if exists select_manager on app_public.api_keys;
create policy select_manager on app_public.api_keys
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('api_keys.manage')
  );
/* A key is looked up before its tenant is known. */
drop policy if exists all_definer on app_public.api_keys;
create policy all_definer on app_public.api_keys
  for all to app_definer using (true) with check (true);

alter table app_private.api_key_secrets enable row level security;
alter table app_private.api_key_secrets force row level security;
drop policy if exists all_definer on app_private.api_key_secrets;
create policy all_definer on app_private.api_key_secrets
  for all to app_definer using (true) with check (true);

alter table app_private.api_key_uses enable row level security;
alter table app_private.api_key_uses force row level security;
drop policy if exists select_manager on app_private.api_key_uses;
create policy select_manager on app_private.api_key_uses
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('api_keys.manage')
  );
drop policy if exists all_definer on app_private.api_key_uses;
create policy all_definer on app_private.api_key_uses
  for all to app_definer using (true) with check (true);
--! EndIncluded 30_tenancy/policies.sql
--! Included 30_tenancy/enter.sql
/*
 * The one door. The server calls it at the start of every transaction, as its login role, before it
 * becomes app_user: so a removed member, a revoked key or a suspended tenant is out at the next
 * transaction, whatever the token says, and no policy has to look anything up.
 *
 * security definer, because memberships are not the login role's to read. Only the login role may
 * call it: a statement injected as app_user can't enter as somebody else. (accept_invitation, which
 * app_definer owns, enters the tenant it has just made the caller a member of.)
 */
create or replace function app_private.enter(
  p_user_id uuid,
  p_tenant_id uuid,
  p_request text default null,
  p_api_key_hash bytea default null
)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := p_user_id;
  v_tenant_id uuid := p_tenant_id;
  v_access text;
  v_reason text;
  v_permissions text;
  v_key app_public.api_keys;
  v_can_read boolean := true;
  v_can_write boolean := true;
begin
  if p_api_key_hash is not null then
    v_key := app_private.use_api_key(p_api_key_hash);
    v_user_id := null;
    v_tenant_id := v_key.tenant_id;
    v_can_write := 'write' = any (v_key.scopes);
    v_can_read := v_can_write or 'read' = any (v_key.scopes);
    v_permissions := concat_ws(
      ' ',
      case when v_can_read then 'members.read' end,
      case when 'billing' = any (v_key.scopes) then 'billing.manage' end
    );
    select tenants.access, tenants.access_reason
    into v_access, v_reason
    from app_public.tenants
    where tenants.id = v_tenant_id;
  elsif v_tenant_id is not null then
    select
      tenants.access,
      tenants.access_reason,
      array_to_string(
        array(
          select role_permissions.permission
          from app_public.role_permissions
          where role_permissions.role_key = memberships.role
          order by role_permissions.permission
        ),
        ' '
      )
    into v_access, v_reason, v_permissions
    from app_public.memberships
    join app_public.tenants on tenants.id = memberships.tenant_id
    where memberships.tenant_id = v_tenant_id
    and memberships.user_id = v_user_id;

    if not found then
      raise exception 'No such tenant, or you are not a member of it'
        using errcode = 'TNFND',
              hint    = 'The query "tenants" lists those you belong to.';
    end if;
  end if;

  perform
    set_config('app.current_user_id', coalesce(v_user_id::text, ''), true),
    set_config('app.api_key_id', coalesce(v_key.id::text, ''), true),
    set_config('app.member_tenant_id', coalesce(v_tenant_id::text, ''), true),
    set_config(
      'app.current_tenant_id',
      case when v_can_read and v_access in ('full', 'read_only') then v_tenant_id::text else '' end,
      true
    ),
    set_config(
      'app.writable_tenant_id',
      case when v_can_write and v_access = 'full' then v_tenant_id::text else '' end,
      true
    ),
    set_config('app.access', coalesce(v_access, ''), true),
    set_config('app.access_reason', coalesce(v_reason, ''), true),
    set_config('app.permissions', coalesce(v_permissions, ''), true),
    set_config('app.request', coalesce(p_request, ''), true);
end;
$$;
comment on function app_private.enter(uuid, uuid, text, bytea) is
  'Begins a request: checks that the person is a member of the tenant now, or that the API key '
  'stands, and sets the transaction''s settings. Person and tenant may be null: a visitor, a person '
  'between tenants. p_request is JSON, {"ip", "requestId", "livemode"}; p_api_key_hash is the '
  'key''s SHA-256 and brings its own tenant. Raises TNFND, LOGIN.';
alter function app_private.enter(uuid, uuid, text, bytea) owner to app_definer;
revoke all on function app_private.enter(uuid, uuid, text, bytea) from public;
grant execute on function app_private.enter(uuid, uuid, text, bytea) to rowhouse_server;
--! EndIncluded 30_tenancy/enter.sql
--! Included 30_tenancy/functions.sql
create or replace function app_public.current_tenant()
  returns app_public.tenants
  language sql stable parallel safe
begin atomic
  select tenants.*
  from app_public.tenants
  where tenants.id = app_private.member_tenant_id();
end;
comment on function app_public.current_tenant() is
  'The tenant that the access token names, also while it is suspended.';
revoke all on function app_public.current_tenant() from public;
grant execute on function app_public.current_tenant() to app_user;

/*
 * security definer: a person's tenants lie across tenants, where no policy of app_user reaches. The
 * person is taken from the setting, never from an argument.
 */
create or replace function app_public.my_tenants()
  returns setof app_public.tenants
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select tenants.*
  from app_public.memberships
  join app_public.tenants on tenants.id = memberships.tenant_id
  where memberships.user_id = app_private.current_user_id()
  order by tenants.created_at, tenants.id;
end;
comment on function app_public.my_tenants() is
  E'@fieldName tenants\n'
  'Every tenant the signed-in person belongs to; needs no tenant in the token.';
alter function app_public.my_tenants() owner to app_definer;
revoke all on function app_public.my_tenants() from public;
grant execute on function app_public.my_tenants() to app_user;

create or replace function app_public.current_membership()
  returns app_public.memberships
  language sql stable parallel safe
begin atomic
  select memberships.*
  from app_public.memberships
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = app_private.current_user_id();
end;
comment on function app_public.current_membership() is
  'The signed-in person''s own membership of the current tenant.';
revoke all on function app_public.current_membership() from public;
grant execute on function app_public.current_membership() to app_user;

create or replace function app_public.my_permissions()
  returns text[]
  language sql stable parallel safe
return case when app_private.member_tenant_id() is not null
  then string_to_array(current_setting('app.permissions', true), ' ')
end;
comment on function app_public.my_permissions() is
  E'@fieldName permissions\n'
  'What the caller may do in the current tenant: a person by their role, an API key by its scopes. '
  'Which role may do what is in roles { permissions }.';
revoke all on function app_public.my_permissions() from public;
grant execute on function app_public.my_permissions() to app_user;

/*
 * security definer: a policy shows a person nobody but themselves, and looks nothing up. Here the
 * membership is looked up, so that only the people of the current tenant come back, whatever row
 * was handed in.
 */
create or replace function app_public.memberships_user(membership app_public.memberships)
  returns app_public.users
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.*
  from app_public.memberships
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = memberships_user.membership.user_id
  and app_private.has_permission('members.read');
end;
comment on function app_public.memberships_user(app_public.memberships) is
  E'@fieldName user\nWhose membership it is.';
alter function app_public.memberships_user(app_public.memberships) owner to app_definer;
revoke all on function app_public.memberships_user(app_public.memberships) from public;
grant execute on function app_public.memberships_user(app_public.memberships) to app_user;
--! EndIncluded 30_tenancy/functions.sql
--! Included 30_tenancy/member_checks.sql
/* What the functions that change members and invitations ask, and lock, before they act. */
create or replace function app_private.enter_again()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.enter(
    app_private.current_user_id(),
    app_private.member_tenant_id(),
    current_setting('app.request', true)
  );
end;
comment on function app_private.enter_again() is
  'Looks at the caller''s own membership as it is now. Raises TNFND when it is gone.';

create or replace function app_private.lock_members()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  /*
   * Changes nothing but the row's version: a transaction that reads by an older snapshot (repeatable
   * read) fails here, where it would pass a mere lock and count owners who have left.
   */
  update app_public.tenants set name = tenants.name
  where tenants.id = app_private.member_tenant_id();

  /* While this waited, the caller may have been demoted or removed. */
  perform app_private.enter_again();
end;
$$;
comment on function app_private.lock_members() is
  'Held while owners or seats are counted, so that two at once cannot both be the last but one. '
  'Looks at the caller''s own membership again once it has the lock. Whoever also locks an '
  'invitation locks that first.';

create or replace function app_private.require_authority_over(p_role text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if exists (
    select
    from app_public.role_permissions
    where role_permissions.role_key = p_role
    and not app_private.has_permission(role_permissions.permission)
  ) then
    raise exception 'That role may do more than yours'
      using errcode = 'DNIED',
            detail  = json_build_object('role', p_role)::text,
            hint    = 'Ask an owner of the tenant.';
  end if;
end;
$$;
comment on function app_private.require_authority_over(text) is
  'Raises DNIED unless the caller holds every permission of the role: nobody grants, or takes away, '
  'what they don''t have.';

create or replace function app_private.require_role(p_role text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (select from app_public.roles where roles.key = p_role) then
    raise exception 'There is no such role'
      using errcode = 'INPUT',
            hint    = 'The query "roles" lists them.';
  end if;
end;
$$;
comment on function app_private.require_role(text) is 'Raises INPUT unless there is such a role.';

create or replace function app_private.member_to_change(p_user_id uuid)
  returns app_public.memberships
  language plpgsql stable parallel safe
as $$
declare
  v_membership app_public.memberships;
begin
  select memberships.* into v_membership
  from app_public.memberships
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = p_user_id;
  if not found then
    raise exception 'The tenant has no such member'
      using errcode = 'INPUT';
  end if;
  return v_membership;
end;
$$;
comment on function app_private.member_to_change(uuid) is
  'The membership of a person in the tenant entered. Raises INPUT.';

create or replace function app_private.require_other_owner(p_user_id uuid)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (
    select
    from app_public.memberships
    where memberships.tenant_id = app_private.member_tenant_id()
    and memberships.role = 'owner'
    and memberships.user_id <> p_user_id
  ) then
    raise exception 'A tenant must keep an owner'
      using errcode = 'CNFLT',
            hint    = 'Make somebody else an owner first: transferOwnership.';
  end if;
end;
$$;
comment on function app_private.require_other_owner(uuid) is
  'Raises CNFLT if the tenant would be without an owner once this one is gone.';

create or replace function app_private.delete_member(p_membership app_public.memberships)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  if p_membership.role = 'owner' then
    perform app_private.require_other_owner(p_membership.user_id);
  end if;
  delete from app_public.memberships
  where memberships.tenant_id = p_membership.tenant_id
  and memberships.user_id = p_membership.user_id;

  /* Whoever took themselves out is out now, not only at their next transaction. */
  if p_membership.user_id = app_private.current_user_id() then
    perform app_private.enter(
      app_private.current_user_id(), null, current_setting('app.request', true)
    );
  end if;
end;
$$;
comment on function app_private.delete_member(app_public.memberships) is
  'Ends a membership of the tenant entered, with the members locked. Raises CNFLT for the last '
  'owner''s.';

revoke all on function
  app_private.enter_again(),
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid),
  app_private.delete_member(app_public.memberships)
  from public;
grant execute on function
  app_private.enter_again(),
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid),
  app_private.delete_member(app_public.memberships)
  to app_definer;
--! EndIncluded 30_tenancy/member_checks.sql
--! Included 30_tenancy/members.sql
/*
 * Who belongs to a tenant, and as what. These functions are security definer, because nobody may
 * write memberships: a role is never one's own to choose. Each asks for the permission, takes the
 * tenant's lock before it counts owners, and works only inside the tenant entered. Letting people
 * go is possible also while the tenant is suspended; it costs nothing and may be urgent.
 */
create or replace function app_public.remove_member(user_id uuid)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('members.remove');
  v_membership := app_private.member_to_change(remove_member.user_id);
  perform app_private.require_authority_over(v_membership.role);
  perform app_private.delete_member(v_membership);
  return v_membership;
end;
$$;
comment on function app_public.remove_member(uuid) is
  'Takes a person out of the tenant, at once. Needs members.remove, and every permission that the '
  'person''s role has. Errors: FORBIDDEN, CONFLICT for the last owner.';
alter function app_public.remove_member(uuid) owner to app_definer;
revoke all on function app_public.remove_member(uuid) from public;
grant execute on function app_public.remove_member(uuid) to app_user;

create or replace function app_public.leave_tenant()
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  v_membership := app_private.member_to_change(app_private.current_user_id());
  perform app_private.delete_member(v_membership);
  return v_membership;
end;
$$;
comment on function app_public.leave_tenant() is
  'Takes oneself out of the tenant, at once. Errors: CONFLICT for the last owner.';
alter function app_public.leave_tenant() owner to app_definer;
revoke all on function app_public.leave_tenant() from public;
grant execute on function app_public.leave_tenant() to app_user;

create or replace function app_public.change_member_role(user_id uuid, role text)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('members.change_role');
  perform app_private.require_role(change_member_role.role);
  v_membership := app_private.member_to_change(change_member_role.user_id);
  perform app_private.require_authority_over(v_membership.role);
  perform app_private.require_authority_over(change_member_role.role);
  if v_membership.role = 'owner' and change_member_role.role <> 'owner' then
    perform app_private.require_other_owner(v_membership.user_id);
  end if;

  update app_public.memberships set role = change_member_role.role
  where memberships.tenant_id = v_membership.tenant_id
  and memberships.user_id = v_membership.user_id
  returning memberships.* into v_membership;
  perform app_private.enter_again();
  return v_membership;
end;
$$;
comment on function app_public.change_member_role(uuid, text) is
  'Gives a member another role. Needs members.change_role, and every permission of both the old '
  'role and the new one. Errors: FORBIDDEN, CONFLICT for the last owner.';
alter function app_public.change_member_role(uuid, text) owner to app_definer;
revoke all on function app_public.change_member_role(uuid, text) from public;
grant execute on function app_public.change_member_role(uuid, text) to app_user;

create or replace function app_public.transfer_ownership(user_id uuid)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_heir app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('tenant.transfer');
  /* Roles are data: one that may transfer need not hold all that an owner, or an admin, does. */
  perform app_private.require_authority_over('owner');
  perform app_private.require_authority_over('admin');
  v_heir := app_private.member_to_change(transfer_ownership.user_id);
  if v_heir.user_id = app_private.current_user_id() then
    raise exception 'You are an owner already'
      using errcode = 'INPUT';
  end if;

  update app_public.memberships set role = 'owner'
  where memberships.tenant_id = v_heir.tenant_id
  and memberships.user_id = v_heir.user_id
  returning memberships.* into v_heir;
  update app_public.memberships set role = 'admin'
  where memberships.tenant_id = v_heir.tenant_id
  and memberships.user_id = app_private.current_user_id();
  perform app_private.enter_again();
  return v_heir;
end;
$$;
comment on function app_public.transfer_ownership(uuid) is
  'Makes another member an owner and the caller an admin. Needs tenant.transfer, and every '
  'permission of both roles. Answers with the new owner''s membership. Errors: FORBIDDEN, '
  'BAD_USER_INPUT.';
alter function app_public.transfer_ownership(uuid) owner to app_definer;
revoke all on function app_public.transfer_ownership(uuid) from public;
grant execute on function app_public.transfer_ownership(uuid) to app_user;
--! EndIncluded 30_tenancy/members.sql
--! Included 30_tenancy/invitation_checks.sql
/* What the functions of invitations.sql and invitation_answers.sql ask before they act. */
create or replace function app_private.send_invitation(p_invitation app_public.invitations)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_daily_limit constant integer := 100;
  v_sent bigint;
begin
  /* So that many at once don't each count the others out, and none goes out for who was demoted. */
  perform app_private.lock_members();
  perform app_private.require_permission('members.invite');
  perform app_private.require_authority_over(p_invitation.role);

  select sum(invitations.sent_count) into v_sent
  from app_public.invitations
  where invitations.tenant_id = p_invitation.tenant_id
  and invitations.sent_at > now() - interval '1 day';
  if v_sent > v_daily_limit then
    raise exception 'The tenant has sent % invitations within a day', v_daily_limit
      using errcode = 'RATED',
            hint    = 'Go on tomorrow.';
  end if;

  perform graphile_worker.add_job(
    'send_invitation',
    json_build_object(
      'tenant_id', p_invitation.tenant_id, 'invitation_id', p_invitation.id
    ),
    job_key => 'send_invitation:' || p_invitation.id
  );
end;
$$;
comment on function app_private.send_invitation(app_public.invitations) is
  'Has the worker send the e-mail. Raises RATED beyond 100 a day, so that no tenant mails the world; '
  'DNIED.';

create or replace function app_private.invitation_to_change(p_invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile parallel unsafe
as $$
declare
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('members.invite');
  select invitations.* into v_invitation
  from app_public.invitations
  where invitations.tenant_id = app_private.member_tenant_id()
  and invitations.id = p_invitation_id
  and invitations.status = 'open'
  for update;
  if not found then
    raise exception 'There is no such open invitation'
      using errcode = 'INPUT';
  end if;
  perform app_private.require_authority_over(v_invitation.role);

  /* Whatever was sent so far leads nowhere from now on. */
  delete from app_private.invitation_tokens
  where invitation_tokens.tenant_id = v_invitation.tenant_id
  and invitation_tokens.invitation_id = v_invitation.id;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_change(uuid) is
  'An open invitation of the tenant entered, locked, its tokens gone. Raises DNIED, INPUT.';

create or replace function app_private.invitation_to_answer(p_token text)
  returns app_public.invitations
  language plpgsql volatile parallel unsafe
as $$
declare
  v_token_hash bytea := sha256(convert_to(p_token, 'UTF8'));
  v_user app_public.users;
  v_invitation app_public.invitations;
  v_is_addressed boolean;
  v_is_verified boolean;
  v_has_accepted boolean;
begin
  select users.* into v_user
  from app_public.users
  where users.id = app_private.current_user_id();

  select invitations.* into v_invitation
  from app_private.invitation_tokens
  join app_public.invitations
    on invitations.tenant_id = invitation_tokens.tenant_id
    and invitations.id = invitation_tokens.invitation_id
  where invitation_tokens.token_hash = v_token_hash
  for update of invitations;

  /*
   * Only A to Z lose their case here: beyond them there are letters whose lower case is another's,
   * such as the Kelvin sign and k, and one's address would pass for somebody else's.
   */
  v_is_addressed := coalesce(v_invitation.email = lower(v_user.email collate "C"), false);
  v_is_verified := coalesce(v_user.is_email_verified, false);
  v_has_accepted := v_invitation.status = 'accepted' and v_is_addressed and v_is_verified
    and exists (
      select
      from app_public.memberships
      where memberships.tenant_id = v_invitation.tenant_id
      and memberships.user_id = v_user.id
    );

  /*
   * Expired, revoked, never there: a stranger learns nothing from the difference. Whether there is
   * such a token is asked again, as it may have been replaced while this waited for the row.
   */
  if not exists (
      select from app_private.invitation_tokens where invitation_tokens.token_hash = v_token_hash
    )
    or not (
      v_has_accepted or (v_invitation.status = 'open' and v_invitation.expires_at > now())
    )
  then
    raise exception 'The invitation is not valid, or no longer'
      using errcode = 'INPUT',
            hint    = 'Ask whoever invited you to send it again.';
  elsif not v_is_addressed then
    raise exception 'The invitation is for another e-mail address'
      using errcode = 'DNIED',
            hint    = 'Sign in with the address that it was sent to.';
  elsif not v_is_verified then
    raise exception 'Your e-mail address is not verified yet'
      using errcode = 'DNIED',
            hint    = 'Follow the link in the e-mail that came when you signed up.';
  end if;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_answer(text) is
  'The invitation that a token opens for the signed-in person, locked: an open one, or one that made '
  'them the member they are. Raises INPUT, DNIED.';

create or replace function app_private.inviter_may_invite(p_invitation app_public.invitations)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.memberships
    where memberships.tenant_id = p_invitation.tenant_id
    and memberships.user_id = p_invitation.invited_by
    and not exists (
      select needed.permission
      from app_public.role_permissions as needed
      where needed.role_key = p_invitation.role
      union
      select 'members.invite'
      except
      select held.permission
      from app_public.role_permissions as held
      where held.role_key = memberships.role
    )
  );
end;
comment on function app_private.inviter_may_invite(app_public.invitations) is
  'Whether the person who invited could still do so: a door must not stay open for whoever was '
  'shown out.';

create or replace function app_private.require_seat()
  returns void
  language plpgsql stable parallel safe
as $$
declare
  v_seats record;
begin
  select entitlements.used, entitlements."limit" into v_seats
  from app_public.entitlements
  where entitlements.feature = 'seats';
  if v_seats.used > v_seats."limit" then
    raise exception 'Every seat of the plan is taken'
      using errcode = 'QUOTA',
            detail  = json_build_object(
                        'feature', 'seats',
                        'limit', v_seats."limit",
                        'used', v_seats.used - 1,
                        'resetsAt', null
                      )::text,
            hint    = 'An owner can move to a larger plan or remove a member.';
  end if;
end;
$$;
comment on function app_private.require_seat() is
  'Raises QUOTA if the member that was just added, with the members locked, is one too many.';

revoke all on function
  app_private.send_invitation(app_public.invitations),
  app_private.invitation_to_change(uuid),
  app_private.invitation_to_answer(text),
  app_private.inviter_may_invite(app_public.invitations),
  app_private.require_seat()
  from public;
grant execute on function
  app_private.send_invitation(app_public.invitations),
  app_private.invitation_to_change(uuid),
  app_private.invitation_to_answer(text),
  app_private.inviter_may_invite(app_public.invitations),
  app_private.require_seat()
  to app_definer;
--! EndIncluded 30_tenancy/invitation_checks.sql
--! Included 30_tenancy/invitations.sql
/*
 * Invitations. The functions are security definer: nobody writes invitations or memberships, and
 * whoever answers an invitation is not in its tenant. No answer differs by whether the invited
 * address has an account. The token exists in clear only in the e-mail: the task that sends it
 * makes it up and hands in its hash.
 */
create or replace function app_public.invite_member(email text, role text default 'member')
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
/* "on conflict" names columns and can't qualify them. */
#variable_conflict use_column
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_email text := lower(btrim(invite_member.email, E' \t\r\n'));
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('members.invite');
  perform app_private.require_role(invite_member.role);
  perform app_private.require_authority_over(invite_member.role);
  if coalesce(char_length(v_email), 0) > 320
    or coalesce(v_email, '')
      !~ '^[^][:space:][:cntrl:]@,;:<>()\\"[]+@[^][:space:][:cntrl:]@,;:<>()\\"[]+$'
  then
    raise exception '"email" must be an e-mail address'
      using errcode = 'INPUT';
  end if;
  if exists (
    select
    from app_public.memberships
    join app_public.users on users.id = memberships.user_id
    where memberships.tenant_id = v_tenant_id
    and lower(users.email) = v_email
  ) then
    raise exception 'This person is a member already'
      using errcode = 'CNFLT';
  end if;

  update app_public.invitations set status = 'expired'
  where invitations.tenant_id = v_tenant_id
  and invitations.email = v_email
  and invitations.status = 'open'
  and invitations.expires_at <= now();

  insert into app_public.invitations (email, role)
  values (v_email, invite_member.role)
  on conflict (tenant_id, email) where status = 'open' do nothing
  returning invitations.* into v_invitation;
  if not found then
    raise exception 'This person is invited already'
      using errcode = 'CNFLT',
            hint    = 'resendInvitation sends the e-mail again.';
  end if;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.invite_member(text, text) is
  'Asks somebody, by an e-mail with a token, to become a member; good for 7 days. Needs '
  'members.invite, and every permission of the role. Whether a seat is left is asked when it is '
  'accepted. Errors: FORBIDDEN, CONFLICT, RATE_LIMITED.';
alter function app_public.invite_member(text, text) owner to app_definer;
revoke all on function app_public.invite_member(text, text) from public;
grant execute on function app_public.invite_member(text, text) to app_user;

create or replace function app_public.resend_invitation(invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_change(resend_invitation.invitation_id);
  update app_public.invitations set
    invited_by = app_private.current_user_id(),
    expires_at = now() + interval '7 days',
    sent_at = now(),
    sent_count = case
      when invitations.sent_at > now() - interval '1 day' then invitations.sent_count + 1
      else 1
    end
  where invitations.tenant_id = v_tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.resend_invitation(uuid) is
  'Sends an open invitation again with a new token, good for 7 days; earlier ones stop working. '
  'Needs members.invite, and every permission of the role. Errors: FORBIDDEN, BAD_USER_INPUT, '
  'RATE_LIMITED.';
alter function app_public.resend_invitation(uuid) owner to app_definer;
revoke all on function app_public.resend_invitation(uuid) from public;
grant execute on function app_public.resend_invitation(uuid) to app_user;

create or replace function app_public.revoke_invitation(invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_change(revoke_invitation.invitation_id);
  update app_public.invitations set status = 'revoked'
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  return v_invitation;
end;
$$;
comment on function app_public.revoke_invitation(uuid) is
  'Takes an open invitation back: its e-mail leads nowhere from now on. Needs members.invite, and '
  'every permission of the role. Errors: FORBIDDEN, BAD_USER_INPUT.';
alter function app_public.revoke_invitation(uuid) owner to app_definer;
revoke all on function app_public.revoke_invitation(uuid) from public;
grant execute on function app_public.revoke_invitation(uuid) to app_user;
--! EndIncluded 30_tenancy/invitations.sql
--! Included 30_tenancy/invitation_answers.sql
/* What the invited person, and the task that writes to them, can do with an invitation. */
create or replace function app_public.accept_invitation(token text)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_private.current_user_id();
  v_invitation app_public.invitations;
  v_is_new boolean;
  v_tenant app_public.tenants;
begin
  v_invitation := app_private.invitation_to_answer(accept_invitation.token);
  insert into app_public.memberships (tenant_id, user_id, role)
  values (v_invitation.tenant_id, v_user_id, v_invitation.role)
  on conflict on constraint memberships_pkey do nothing;
  v_is_new := found;
  perform app_private.enter(
    v_user_id, v_invitation.tenant_id, current_setting('app.request', true)
  );

  if v_is_new then
    perform app_private.lock_members();
    if not app_private.inviter_may_invite(v_invitation) then
      raise exception 'The invitation is not valid, or no longer'
        using errcode = 'INPUT',
              hint    = 'Ask an owner of the tenant to invite you.';
    end if;
    /* Also refuses to let anyone into a tenant that has no access. */
    perform app_private.writable_tenant_id();
    perform app_private.require_seat();
  end if;

  update app_public.invitations set status = 'accepted', answered_at = now()
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  and invitations.status = 'open';
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = v_invitation.tenant_id;
  return v_tenant;
end;
$$;
comment on function app_public.accept_invitation(text) is
  'Makes the signed-in person a member, if the invitation was sent to their e-mail address and that '
  'is verified. Needs no tenant in the token; POST /auth/token gives one for the tenant then. '
  'Asked again, it answers the same. Errors: BAD_USER_INPUT, FORBIDDEN, LIMIT_EXCEEDED when no seat is left, '
  'TENANT_SUSPENDED, TENANT_READ_ONLY.';
alter function app_public.accept_invitation(text) owner to app_definer;
revoke all on function app_public.accept_invitation(text) from public;
grant execute on function app_public.accept_invitation(text) to app_user;

create or replace function app_public.decline_invitation(token text)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_answer(decline_invitation.token);
  if v_invitation.status = 'accepted' then
    raise exception 'You have accepted this invitation'
      using errcode = 'CNFLT',
            hint    = 'leaveTenant takes you out again.';
  end if;
  update app_public.invitations set status = 'declined', answered_at = now()
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  return v_invitation;
end;
$$;
comment on function app_public.decline_invitation(text) is
  'Says no to an invitation; under the same conditions as acceptInvitation. Errors: BAD_USER_INPUT, '
  'FORBIDDEN, CONFLICT once it is accepted.';
alter function app_public.decline_invitation(text) owner to app_definer;
revoke all on function app_public.decline_invitation(text) from public;
grant execute on function app_public.decline_invitation(text) to app_user;

/*
 * security definer: so that the worker can neither read invitations nor make tokens for any but the
 * one that it was told to send.
 */
create or replace function app_private.record_invitation_token(
  p_tenant_id uuid,
  p_invitation_id uuid,
  p_token_hash bytea
)
  returns table (
    email text,
    tenant_name text,
    inviter_name text,
    role_name text,
    expires_at timestamptz
  )
  language sql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
begin atomic
  with open_invitation as (
    select invitations.*
    from app_public.invitations
    where invitations.tenant_id = p_tenant_id
    and invitations.id = p_invitation_id
    and invitations.status = 'open'
    and invitations.expires_at > now()
    for update
  ),
  token as (
    insert into app_private.invitation_tokens (tenant_id, invitation_id, token_hash)
    select open_invitation.tenant_id, open_invitation.id, p_token_hash
    from open_invitation
  )
  select
    open_invitation.email,
    tenants.name,
    users.name,
    roles.name,
    open_invitation.expires_at
  from open_invitation
  join app_public.tenants on tenants.id = open_invitation.tenant_id
  join app_public.users on users.id = open_invitation.invited_by
  join app_public.roles on roles.key = open_invitation.role;
end;
comment on function app_private.record_invitation_token(uuid, uuid, bytea) is
  'Stores the SHA-256 of a token that is about to be sent, and answers with what the e-mail says; '
  'no row when the invitation is no longer open.';
alter function app_private.record_invitation_token(uuid, uuid, bytea) owner to app_definer;
revoke all on function app_private.record_invitation_token(uuid, uuid, bytea) from public;
grant execute on function app_private.record_invitation_token(uuid, uuid, bytea) to app_worker;
--! EndIncluded 30_tenancy/invitation_answers.sql
--! Included 30_tenancy/api_keys.sql
/*
 * API keys. The functions are security definer: nobody reads or writes a key's hash. A key stands
 * for its tenant, never for a person: whatever asks for current_user_id() refuses it.
 */
create or replace function app_private.use_api_key(p_key_hash bytea)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  select api_keys.* into v_key
  from app_private.api_key_secrets
  join app_public.api_keys
    on api_keys.tenant_id = api_key_secrets.tenant_id
    and api_keys.id = api_key_secrets.api_key_id
  where api_key_secrets.key_hash = p_key_hash
  and (api_key_secrets.expires_at is null or api_key_secrets.expires_at > now())
  and (api_keys.expires_at is null or api_keys.expires_at > now())
  and api_keys.revoked_at is null;
  if not found then
    raise exception 'The API key is not valid, or no longer'
      using errcode = 'LOGIN',
            hint    = 'Somebody whose role may manage keys can make one: createApiKey.';
  end if;

  /* Once a minute, and never waiting for another request of the same key. */
  update app_private.api_key_uses set last_used_at = now()
  where (api_key_uses.tenant_id, api_key_uses.api_key_id) in (
    select due.tenant_id, due.api_key_id
    from app_private.api_key_uses as due
    where due.tenant_id = v_key.tenant_id
    and due.api_key_id = v_key.id
    and (due.last_used_at is null or due.last_used_at < now() - interval '1 minute')
    for no key update skip locked
  );
  return v_key;
end;
$$;
comment on function app_private.use_api_key(bytea) is
  'The key with this SHA-256, if it stands; notes that it was used. Raises LOGIN.';

create or replace function app_private.new_api_key_secret()
  returns text
  language sql volatile parallel unsafe
/* 192 of the 244 random bits of two uuids, hashed so that their fixed bits don't show. */
return case
    when (nullif(current_setting('app.request', true), '')::jsonb ->> 'livemode')::boolean
      then 'rh_live_'
    else 'rh_test_'
  end
  || substr(
    encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 48
  );
comment on function app_private.new_api_key_secret() is
  'A new secret for a key: rh_live_ or rh_test_ and 48 hexadecimal digits.';

create or replace function app_private.api_key_hint(p_secret text)
  returns text
  language sql immutable parallel safe
return left(p_secret, 8) || '…' || right(p_secret, 4);
comment on function app_private.api_key_hint(text) is
  'What is shown of a secret ever after: the end has 16 of its 192 bits.';

create or replace function app_private.keep_api_key_secret(
  p_tenant_id uuid,
  p_api_key_id uuid,
  p_secret text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.api_key_secrets (tenant_id, api_key_id, key_hash)
  values (p_tenant_id, p_api_key_id, sha256(convert_to(p_secret, 'UTF8')));
end;
comment on function app_private.keep_api_key_secret(uuid, uuid, text) is
  'Lets a key be used by this secret, of which only the hash is kept.';

create or replace function app_private.api_key_to_change(p_api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  /* Whoever was demoted meanwhile must not walk out with a secret. */
  perform app_private.require_permission('api_keys.manage');
  perform app_private.lock_members();
  perform app_private.require_permission('api_keys.manage');
  select api_keys.* into v_key
  from app_public.api_keys
  where api_keys.tenant_id = app_private.member_tenant_id()
  and api_keys.id = p_api_key_id
  and api_keys.revoked_at is null
  for no key update;
  if not found then
    raise exception 'There is no such API key, or it is revoked'
      using errcode = 'INPUT';
  end if;
  return v_key;
end;
$$;
comment on function app_private.api_key_to_change(uuid) is
  'A standing key of the tenant entered, locked. Raises DNIED, INPUT.';

create or replace function app_private.require_scopes(p_scopes text[])
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if 'billing' = any (p_scopes) then
    perform app_private.require_permission('billing.manage');
  end if;
end;
$$;
comment on function app_private.require_scopes(text[]) is
  'Raises DNIED unless the caller may do what a key with these scopes may: nobody gives a machine '
  'what they don''t have.';

revoke all on function
  app_private.use_api_key(bytea),
  app_private.new_api_key_secret(),
  app_private.api_key_hint(text),
  app_private.keep_api_key_secret(uuid, uuid, text),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  from public;
grant execute on function
  app_private.use_api_key(bytea),
  app_private.new_api_key_secret(),
  app_private.api_key_hint(text),
  app_private.keep_api_key_secret(uuid, uuid, text),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  to app_definer;

create or replace function app_public.api_keys_last_used_at(api_key app_public.api_keys)
  returns timestamptz
  language sql stable parallel safe
begin atomic
  select api_key_uses.last_used_at
  from app_private.api_key_uses
  where api_key_uses.tenant_id = api_keys_last_used_at.api_key.tenant_id
  and api_key_uses.api_key_id = api_keys_last_used_at.api_key.id;
end;
comment on function app_public.api_keys_last_used_at(app_public.api_keys) is
  'To the minute; null before the first use. A request that fails does not count.';
revoke all on function app_public.api_keys_last_used_at(app_public.api_keys) from public;
grant execute on function app_public.api_keys_last_used_at(app_public.api_keys) to app_user;
--! EndIncluded 30_tenancy/api_keys.sql
--! Included 30_tenancy/api_key_changes.sql
/* What those whose role may manage API keys can do with them. */
create or replace function app_public.create_api_key(
  name text,
  scopes text[],
  expires_at timestamptz default null,
  out api_key app_public.api_keys,
  out secret text
)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := 100;
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_name text := btrim(create_api_key.name, E' \t\r\n');
  v_scopes text[] := array(select distinct unnest(create_api_key.scopes) order by 1);
begin
  perform app_private.require_permission('api_keys.manage');
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100 or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;
  if cardinality(v_scopes) = 0 or not coalesce(v_scopes <@ array['read', 'write', 'billing'], false)
  then
    raise exception '"scopes" must list some of: read, write, billing'
      using errcode = 'INPUT';
  end if;
  if create_api_key.expires_at <= now() or not isfinite(create_api_key.expires_at) then
    raise exception '"expiresAt" must be in the future'
      using errcode = 'INPUT';
  end if;

  /* After the lock, because the caller may have been demoted while this waited for it. */
  perform app_private.lock_members();
  perform app_private.require_permission('api_keys.manage');
  perform app_private.require_scopes(v_scopes);
  if v_limit <= (
    select count(*)
    from app_public.api_keys
    where api_keys.tenant_id = v_tenant_id
    and api_keys.revoked_at is null
    and (api_keys.expires_at is null or api_keys.expires_at > now())
  ) then
    raise exception 'A tenant may have % API keys', v_limit
      using errcode = 'CNFLT',
            hint    = 'Revoke one that is not used any more.';
  end if;

  secret := app_private.new_api_key_secret();
  insert into app_public.api_keys (name, scopes, hint, expires_at)
  values (v_name, v_scopes, app_private.api_key_hint(secret), create_api_key.expires_at)
  returning api_keys.* into api_key;
  insert into app_private.api_key_uses (tenant_id, api_key_id)
  values (api_key.tenant_id, api_key.id);
  perform app_private.keep_api_key_secret(api_key.tenant_id, api_key.id, secret);
end;
$$;
comment on function app_public.create_api_key(text, text[], timestamptz) is
  E'@resultFieldName result\n'
  'Makes a key for a machine. The secret is shown this once: Authorization: Bearer rh_…. Needs '
  'api_keys.manage, and billing.manage for the scope billing. expiresAt null means never.';
alter function app_public.create_api_key(text, text[], timestamptz) owner to app_definer;
revoke all on function app_public.create_api_key(text, text[], timestamptz) from public;
grant execute on function app_public.create_api_key(text, text[], timestamptz) to app_user;

create or replace function app_public.rotate_api_key(
  api_key_id uuid,
  overlap_seconds integer default 0,
  out api_key app_public.api_keys,
  out secret text
)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := 10;
begin
  if coalesce(rotate_api_key.overlap_seconds, -1) not between 0 and 604800 then
    raise exception '"overlapSeconds" must be from 0 to 604,800, a week'
      using errcode = 'INPUT';
  end if;
  api_key := app_private.api_key_to_change(rotate_api_key.api_key_id);
  perform app_private.require_scopes(api_key.scopes);
  if api_key.expires_at <= now() then
    raise exception 'The API key has expired'
      using errcode = 'INPUT',
            hint    = 'Make another: createApiKey.';
  end if;

  delete from app_private.api_key_secrets
  where api_key_secrets.tenant_id = api_key.tenant_id
  and api_key_secrets.api_key_id = api_key.id
  and (rotate_api_key.overlap_seconds = 0 or api_key_secrets.expires_at <= now());
  update app_private.api_key_secrets set
    expires_at = least(
      api_key_secrets.expires_at,
      now() + make_interval(secs => rotate_api_key.overlap_seconds)
    )
  where api_key_secrets.tenant_id = api_key.tenant_id
  and api_key_secrets.api_key_id = api_key.id;
  if v_limit <= (
    select count(*)
    from app_private.api_key_secrets
    where api_key_secrets.tenant_id = api_key.tenant_id
    and api_key_secrets.api_key_id = api_key.id
  ) then
    raise exception 'An API key may have % secrets at once', v_limit
      using errcode = 'CNFLT',
            hint    = 'Rotate with overlapSeconds 0, which ends the earlier ones.';
  end if;

  secret := app_private.new_api_key_secret();
  perform app_private.keep_api_key_secret(api_key.tenant_id, api_key.id, secret);
  update app_public.api_keys set hint = app_private.api_key_hint(secret)
  where api_keys.tenant_id = api_key.tenant_id
  and api_keys.id = api_key.id
  returning api_keys.* into api_key;
end;
$$;
comment on function app_public.rotate_api_key(uuid, integer) is
  E'@resultFieldName result\n'
  'Gives a key a new secret, shown this once. The old one goes on for overlapSeconds (0: stops now), '
  'so that machines can be changed one after the other. Needs what createApiKey needs.';
alter function app_public.rotate_api_key(uuid, integer) owner to app_definer;
revoke all on function app_public.rotate_api_key(uuid, integer) from public;
grant execute on function app_public.rotate_api_key(uuid, integer) to app_user;

create or replace function app_public.revoke_api_key(api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  v_key := app_private.api_key_to_change(revoke_api_key.api_key_id);
  update app_public.api_keys set revoked_at = now()
  where api_keys.tenant_id = v_key.tenant_id
  and api_keys.id = v_key.id
  returning api_keys.* into v_key;
  delete from app_private.api_key_secrets
  where api_key_secrets.tenant_id = v_key.tenant_id
  and api_key_secrets.api_key_id = v_key.id;
  return v_key;
end;
$$;
comment on function app_public.revoke_api_key(uuid) is
  'Ends a key for ever, at its very next use. Needs api_keys.manage.';
alter function app_public.revoke_api_key(uuid) owner to app_definer;
revoke all on function app_public.revoke_api_key(uuid) from public;
grant execute on function app_public.revoke_api_key(uuid) to app_user;
--! EndIncluded 30_tenancy/api_key_changes.sql
--! Included 30_tenancy/seed.sql
insert into app_public.roles (key, name, position) values
  ('owner',  'Owner',  1),
  ('admin',  'Admin',  2),
  ('member', 'Member', 3)
on conflict (key) do update set
  name = excluded.name,
  position = excluded.position;

/* What a role may do is decided here and nowhere else; app_private.require_permission() asks. */
insert into app_public.role_permissions (role_key, permission) values
  ('owner',  'billing.manage'),
  ('owner',  'tenant.manage'),
  ('owner',  'tenant.transfer'),
  ('owner',  'members.read'),
  ('owner',  'members.invite'),
  ('owner',  'members.remove'),
  ('owner',  'members.change_role'),
  ('owner',  'api_keys.manage'),
  ('owner',  'audit.read'),
  ('admin',  'tenant.manage'),
  ('admin',  'members.read'),
  ('admin',  'members.invite'),
  ('admin',  'members.remove'),
  ('admin',  'members.change_role'),
  ('admin',  'api_keys.manage'),
  ('admin',  'audit.read'),
  ('member', 'members.read')
on conflict (role_key, permission) do nothing;
--! EndIncluded 30_tenancy/seed.sql

--! Included 35_audit_log/tables.sql
/* Append-only: no run-time role may change or delete an entry, and only the trigger makes one. */
create table if not exists app_public.audit_entries (
  tenant_id   uuid        not null,
  id          uuid        not null default uuidv7(),
  occurred_at timestamptz not null default now(),
  actor_kind  text        not null,
  actor_id    uuid,
  action      text        not null,
  table_name  text        not null,
  record_id   text,
  changes     jsonb       not null,
  ip          text,
  request_id  text,
  constraint audit_entries_pkey primary key (tenant_id, id),
  constraint audit_entries_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint audit_entries_actor_known check (
    case actor_kind when 'system' then actor_id is null else actor_id is not null end
    and actor_kind in ('user', 'api_key', 'system')
  ),
  constraint audit_entries_action_known check (action in ('insert', 'update', 'delete')),
  constraint audit_entries_record_bounded check (char_length(record_id) <= 200),
  constraint audit_entries_ip_bounded check (char_length(ip) <= 100),
  constraint audit_entries_request_bounded check (char_length(request_id) <= 200)
);
comment on table app_public.audit_entries is
  E'@behavior -insert -update -delete\n'
  'The audit log: who did what to which row, and from where. Written with the change itself, for '
  'ever. For those whose role may read it.';
comment on column app_public.audit_entries.id is 'Ascends with time: PRIMARY_KEY_DESC is newest first.';
comment on column app_public.audit_entries.occurred_at is
  E'@behavior +attribute:filterBy\n'
  'When the transaction began.';
comment on column app_public.audit_entries.actor_kind is
  E'@behavior +attribute:filterBy\n'
  'user: a person. api_key: a machine. system: a task, in answer to Stripe or the clock, or an '
  'operator.';
comment on column app_public.audit_entries.actor_id is
  E'@behavior +attribute:filterBy\n'
  'The person''s or the API key''s id; null for the system.';
comment on column app_public.audit_entries.action is
  E'@behavior +attribute:filterBy\n'
  'insert, update or delete.';
comment on column app_public.audit_entries.table_name is
  E'@behavior +attribute:filterBy\n'
  'The table''s name in SQL, e.g. projects.';
comment on column app_public.audit_entries.record_id is
  'The row''s id, or where it has none the rest of its primary key, joined by commas.';
comment on column app_public.audit_entries.changes is
  'By column, [before, after]; null stands for what was not there. Columns that stayed as they were, '
  'or are null in a row that came or went, are left out.';
comment on column app_public.audit_entries.ip is 'Where the request came from; null for the system.';
comment on column app_public.audit_entries.request_id is
  'The X-Request-Id of the request, which the server''s log has too; null for the system.';
comment on constraint audit_entries_tenant_fkey on app_public.audit_entries is
  E'@fieldName tenant\n@backwardBehavior -*';
/* Serves: what happened to one row. */
create index if not exists audit_entries_record_idx
  on app_public.audit_entries (tenant_id, record_id, id desc);
--! EndIncluded 35_audit_log/tables.sql
--! Included 35_audit_log/access.sql
revoke all on app_public.audit_entries from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody may update or delete: not a person, not a task, not even who writes it. */
grant select on app_public.audit_entries to app_user;
grant select, insert on app_public.audit_entries to app_definer;
--! EndIncluded 35_audit_log/access.sql
--! Included 35_audit_log/policies.sql
alter table app_public.audit_entries enable row level security;
alter table app_public.audit_entries force row level security;
drop policy if exists select_auditor on app_public.audit_entries;
create policy select_auditor on app_public.audit_entries
  for select to app_user, app_definer
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('audit.read')
  );
/* Tasks change rows of tenants without entering them; the entry goes where the row is. */
drop policy if exists insert_definer on app_public.audit_entries;
create policy insert_definer on app_public.audit_entries
  for insert to app_definer with check (true);
--! EndIncluded 35_audit_log/policies.sql
--! Included 35_audit_log/functions.sql
create or replace function app_private.record_key(p_table oid, p_row jsonb)
  returns text
  language sql stable parallel safe
begin atomic
  select string_agg(p_row ->> pg_attribute.attname, ',' order by key_columns.position)
  from pg_catalog.pg_index
  cross join lateral unnest(pg_index.indkey::smallint[])
    with ordinality as key_columns (attnum, position)
  join pg_catalog.pg_attribute
    on pg_attribute.attrelid = pg_index.indrelid
    and pg_attribute.attnum = key_columns.attnum
  where pg_index.indrelid = p_table
  and pg_index.indisprimary
  and pg_attribute.attname <> 'tenant_id';
end;
comment on function app_private.record_key(oid, jsonb) is
  'The primary key of a row but for its tenant; null when that is all of it.';
revoke all on function app_private.record_key(oid, jsonb) from public;
grant execute on function app_private.record_key(oid, jsonb) to app_definer;

/*
 * The trigger that writes the log: "after insert or update or delete … for each row execute function
 * app_private.tg__audit()". Its arguments are columns to leave out. security definer, because nobody
 * may write the log; all it does is one insert, for the tenant of the row that changed.
 */
create or replace function app_private.tg__audit()
  returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_row jsonb := coalesce(v_new, v_old);
  v_user_id uuid := nullif(current_setting('app.current_user_id', true), '');
  v_key_id uuid := nullif(current_setting('app.api_key_id', true), '');
  v_request jsonb := nullif(current_setting('app.request', true), '');
  /* Without arguments it is null, not empty. */
  v_left_out text[] := array['tenant_id'] || coalesce(tg_argv, '{}');
  v_changes jsonb;
begin
  select jsonb_object_agg(columns.name, jsonb_build_array(v_old -> columns.name, v_new -> columns.name))
  into v_changes
  from jsonb_object_keys(v_row) as columns (name)
  where coalesce(v_old -> columns.name, 'null') <> coalesce(v_new -> columns.name, 'null')
  and columns.name <> all (v_left_out);
  if v_changes is null and tg_op = 'UPDATE' then
    return null;
  end if;

  insert into app_public.audit_entries (
    tenant_id, actor_kind, actor_id, action, table_name, record_id, changes, ip, request_id
  )
  select
    tenants.id,
    case
      when v_key_id is not null then 'api_key'
      when v_user_id is not null then 'user'
      else 'system'
    end,
    coalesce(v_key_id, v_user_id),
    lower(tg_op),
    tg_table_name,
    left(coalesce(v_row ->> 'id', app_private.record_key(tg_relid, v_row)), 200),
    coalesce(v_changes, '{}'),
    v_request ->> 'ip',
    v_request ->> 'requestId'
  /* A tenant that is being deleted takes its log along. */
  from app_public.tenants
  where tenants.id = coalesce(v_row ->> 'tenant_id', v_row ->> 'id')::uuid;
  return null;
end;
$$;
comment on function app_private.tg__audit() is
  'Writes the audit log; arguments name columns that must not be in it.';
alter function app_private.tg__audit() owner to app_definer;
revoke all on function app_private.tg__audit() from public;

/*
 * security definer: policies show a person nobody but themselves. The entry is looked up under the
 * policy above, so that only names in the caller's own log come back, whatever row was handed in.
 */
create or replace function app_public.audit_entries_actor_name(entry app_public.audit_entries)
  returns text
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select coalesce(users.name, api_keys.name)
  from app_public.audit_entries
  left join app_public.users
    on audit_entries.actor_kind = 'user' and users.id = audit_entries.actor_id
  left join app_public.api_keys
    on audit_entries.actor_kind = 'api_key'
    and api_keys.tenant_id = audit_entries.tenant_id
    and api_keys.id = audit_entries.actor_id
  where audit_entries.tenant_id = audit_entries_actor_name.entry.tenant_id
  and audit_entries.id = audit_entries_actor_name.entry.id;
end;
comment on function app_public.audit_entries_actor_name(app_public.audit_entries) is
  'What the person or the API key is called now; null for the system.';
alter function app_public.audit_entries_actor_name(app_public.audit_entries) owner to app_definer;
revoke all on function app_public.audit_entries_actor_name(app_public.audit_entries) from public;
grant execute on function app_public.audit_entries_actor_name(app_public.audit_entries) to app_user;
--! EndIncluded 35_audit_log/functions.sql
--! Included 35_audit_log/triggers.sql
create or replace trigger _900_audit
  after insert or update or delete on app_public.tenants
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.memberships
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.invitations
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.api_keys
  for each row execute function app_private.tg__audit();
--! EndIncluded 35_audit_log/triggers.sql

--! Included 40_usage/tables.sql
create table if not exists app_private.feature_overrides (
  tenant_id   uuid        not null,
  feature_key text        not null,
  is_enabled  boolean     not null default true,
  quota       bigint,
  expires_at  timestamptz,
  created_at  timestamptz not null default now(),
  constraint feature_overrides_pkey primary key (tenant_id, feature_key),
  constraint feature_overrides_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint feature_overrides_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint feature_overrides_quota_not_negative check (quota >= 0)
);
comment on table app_private.feature_overrides is
  'What one tenant was granted apart from its plan. Replaces the plan''s row while it lasts.';
comment on column app_private.feature_overrides.quota is 'As in plan_features; null means no limit.';
comment on column app_private.feature_overrides.expires_at is 'Null means until it is deleted.';
/* Serves the foreign key. */
create index if not exists feature_overrides_feature_idx
  on app_private.feature_overrides (feature_key);

create table if not exists app_private.usage_counters (
  tenant_id    uuid        not null,
  feature_key  text        not null,
  period_start timestamptz not null,
  used         bigint      not null default 0,
  constraint usage_counters_pkey primary key (tenant_id, feature_key, period_start),
  constraint usage_counters_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint usage_counters_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint usage_counters_used_not_negative check (used >= 0)
);
comment on table app_private.usage_counters is
  'How much of a metered feature a tenant has used in a billing period.';
/* Serves the foreign key. */
create index if not exists usage_counters_feature_idx on app_private.usage_counters (feature_key);

create table if not exists app_private.usage_records (
  tenant_id       uuid        not null,
  feature_key     text        not null,
  idempotency_key text        not null,
  amount          integer     not null,
  created_at      timestamptz not null default now(),
  constraint usage_records_pkey primary key (tenant_id, feature_key, idempotency_key),
  constraint usage_records_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint usage_records_feature_fkey
    foreign key (feature_key) references app_public.features (key) on delete cascade,
  constraint usage_records_idempotency_key_bounded
    check (char_length(idempotency_key) between 1 and 200),
  constraint usage_records_amount_bounded check (amount between 1 and 1000000)
);
comment on table app_private.usage_records is
  'Each use that was counted, by the caller''s key, so that a repeated call counts once.';
/* Serves the foreign key. */
create index if not exists usage_records_feature_idx on app_private.usage_records (feature_key);
--! EndIncluded 40_usage/tables.sql
--! Included 40_usage/access.sql
revoke all on app_private.feature_overrides, app_private.usage_counters, app_private.usage_records
  from public, app_user, app_anonymous, app_worker, app_definer;
/* The entitlements view runs with its reader's rights. */
grant select on app_private.feature_overrides, app_private.usage_counters to app_user, app_definer;
/* Nobody counts but consume_feature: a tenant can't lower what it used. */
grant insert, update (used) on app_private.usage_counters to app_definer;
grant select, insert on app_private.usage_records to app_definer;
--! EndIncluded 40_usage/access.sql
--! Included 40_usage/policies.sql
alter table app_private.feature_overrides enable row level security;
alter table app_private.feature_overrides force row level security;
drop policy if exists select_member on app_private.feature_overrides;
create policy select_member on app_private.feature_overrides
  for select to app_user, app_definer using (tenant_id = app_private.member_tenant_id());

alter table app_private.usage_counters enable row level security;
alter table app_private.usage_counters force row level security;
drop policy if exists select_member on app_private.usage_counters;
create policy select_member on app_private.usage_counters
  for select to app_user, app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists insert_tenant on app_private.usage_counters;
create policy insert_tenant on app_private.usage_counters
  for insert to app_definer with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists update_tenant on app_private.usage_counters;
create policy update_tenant on app_private.usage_counters
  for update to app_definer
  using      (tenant_id = app_private.writable_tenant_id())
  with check (tenant_id = app_private.writable_tenant_id());

alter table app_private.usage_records enable row level security;
alter table app_private.usage_records force row level security;
drop policy if exists select_member on app_private.usage_records;
create policy select_member on app_private.usage_records
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists insert_tenant on app_private.usage_records;
create policy insert_tenant on app_private.usage_records
  for insert to app_definer with check (tenant_id = app_private.writable_tenant_id());
--! EndIncluded 40_usage/policies.sql
--! Included 40_usage/functions.sql
/*
 * How many of a counted feature exist now. A feature of kind "count" gets its line here: it is the
 * one place that knows which rows it counts.
 *
 * security definer, because the number is the tenant's own business whoever asks: an API key that
 * may not read the members is told the same as an owner. Of any other tenant it counts nothing.
 */
create or replace function app_private.count_used(p_tenant_id uuid, p_feature_key text)
  returns bigint
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select case p_feature_key
    when 'seats' then (
      select count(*)
      from app_public.memberships
      where memberships.tenant_id = p_tenant_id
      and memberships.tenant_id = app_private.member_tenant_id()
    )
  end;
end;
comment on function app_private.count_used(uuid, text) is
  'How many the entered tenant has of a feature of kind "count"; null for any other feature.';
alter function app_private.count_used(uuid, text) owner to app_definer;
revoke all on function app_private.count_used(uuid, text) from public;
grant execute on function app_private.count_used(uuid, text) to app_user, app_definer;

/*
 * Numbers leave as double precision, exact up to 2^53: GraphQL then has numbers, where bigint would
 * give strings.
 */
create or replace view app_public.entitlements with (security_invoker = true) as
  select
    features.key as feature,
    features.kind,
    grants.enabled,
    case when features.kind <> 'boolean' then grants.quota::double precision end as "limit",
    usage.used::double precision as used,
    /* greatest() passes over nulls, and no limit must not become nothing left. */
    case when features.kind <> 'boolean' and grants.quota is not null
      then greatest(grants.quota - usage.used, 0)::double precision
    end as remaining,
    case when features.kind = 'metered' then period.ends_at end as resets_at
  from app_public.tenants
  cross join app_public.features
  left join app_public.plan_features
    on plan_features.plan_key = tenants.plan and plan_features.feature_key = features.key
  left join app_private.feature_overrides
    on feature_overrides.tenant_id = tenants.id
    and feature_overrides.feature_key = features.key
    and (feature_overrides.expires_at is null or feature_overrides.expires_at > now())
  cross join lateral (
    select
      coalesce(tenants.current_period_start, date_trunc('month', now(), 'UTC')) as starts_at,
      coalesce(
        tenants.current_period_end, date_trunc('month', now(), 'UTC') + interval '1 month'
      ) as ends_at
  ) as period
  cross join lateral (
    select
      tenants.access <> 'none'
      and coalesce(feature_overrides.is_enabled, plan_features.is_enabled, false) as enabled
  ) as decision
  cross join lateral (
    select
      decision.enabled,
      case
        when not decision.enabled then 0
        when feature_overrides.feature_key is not null then feature_overrides.quota
        else plan_features.quota
      end as quota
  ) as grants
  left join app_private.usage_counters
    on usage_counters.tenant_id = tenants.id
    and usage_counters.feature_key = features.key
    and usage_counters.period_start = period.starts_at
  cross join lateral (
    select case features.kind
      when 'metered' then coalesce(usage_counters.used, 0)
      when 'count' then app_private.count_used(tenants.id, features.key)
    end as used
  ) as usage
  where tenants.id = app_private.member_tenant_id();
comment on view app_public.entitlements is
  'What the current tenant may use: its plan, its overrides, and what it has used. While it has '
  'no access, nothing is enabled.';
comment on column app_public.entitlements.feature is 'The feature''s key.';
comment on column app_public.entitlements.limit is
  'The most it may have or use; null means no limit, and always null for a boolean feature.';
comment on column app_public.entitlements.used is 'Null for a boolean feature.';
comment on column app_public.entitlements.remaining is
  'limit - used, never below 0; null means no limit, and always null for a boolean feature.';
comment on column app_public.entitlements.resets_at is
  'When used starts again at 0; null unless the feature is metered.';
revoke all on app_public.entitlements from public, app_user, app_anonymous, app_definer;
grant select on app_public.entitlements to app_user, app_definer;

create or replace function app_public.tenant_has_feature(feature text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.entitlements
    where entitlements.feature = tenant_has_feature.feature
    and entitlements.enabled
  );
end;
comment on function app_public.tenant_has_feature(text) is
  'Whether the current tenant has this feature now.';
revoke all on function app_public.tenant_has_feature(text) from public;
grant execute on function app_public.tenant_has_feature(text) to app_user, app_definer;

/*
 * security definer: counters are not the tenant's to write. Everything it touches is bound to the
 * entered tenant by app_definer's own policies.
 */
create or replace function app_public.consume_feature(
  feature text,
  amount integer,
  idempotency_key text
)
  returns app_public.entitlements
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_entitlement app_public.entitlements;
  v_period_start timestamptz;
  v_recorded integer;
begin
  if consume_feature.amount is null or consume_feature.amount not between 1 and 1000000 then
    raise exception '"amount" must be a whole number from 1 to 1,000,000'
      using errcode = 'INPUT';
  end if;
  if coalesce(char_length(consume_feature.idempotency_key), 0) not between 1 and 200 then
    raise exception '"idempotencyKey" must have 1 to 200 characters'
      using errcode = 'INPUT';
  end if;

  select entitlements.* into v_entitlement
  from app_public.entitlements
  where entitlements.feature = consume_feature.feature
  and entitlements.kind = 'metered';
  if not found then
    raise exception 'There is no metered feature of that name'
      using errcode = 'INPUT',
            hint    = 'The query "entitlements" lists the features.';
  elsif not v_entitlement.enabled then
    raise exception 'The plan does not include this feature'
      using errcode = 'FEATR',
            detail  = json_build_object('feature', consume_feature.feature)::text,
            hint    = 'Move to a larger plan.';
  end if;

  insert into app_private.usage_records (tenant_id, feature_key, idempotency_key, amount)
  values (
    v_tenant_id, consume_feature.feature, consume_feature.idempotency_key, consume_feature.amount
  )
  on conflict do nothing;

  if found then
    select coalesce(tenants.current_period_start, date_trunc('month', now(), 'UTC'))
    into v_period_start
    from app_public.tenants
    where tenants.id = v_tenant_id;

    /* The row's lock orders concurrent calls, and the last condition sees what they left. */
    insert into app_private.usage_counters as counters (tenant_id, feature_key, period_start, used)
    select v_tenant_id, consume_feature.feature, v_period_start, consume_feature.amount
    where v_entitlement."limit" is null or consume_feature.amount <= v_entitlement."limit"
    on conflict (tenant_id, feature_key, period_start) do update
      set used = counters.used + excluded.used
      where v_entitlement."limit" is null
      or counters.used + excluded.used <= v_entitlement."limit";
    if not found then
      /* Read again: others may have counted since, and the refusal must tell what stands now. */
      select entitlements.* into v_entitlement
      from app_public.entitlements
      where entitlements.feature = consume_feature.feature;
      raise exception 'This would exceed what the plan allows'
        using errcode = 'QUOTA',
              detail  = json_build_object(
                          'feature', consume_feature.feature,
                          'limit', v_entitlement."limit",
                          'used', v_entitlement.used,
                          'resetsAt', v_entitlement.resets_at
                        )::text,
              hint    = 'Wait for the next period or move to a larger plan.';
    end if;
  else
    select usage_records.amount into v_recorded
    from app_private.usage_records
    where usage_records.tenant_id = v_tenant_id
    and usage_records.feature_key = consume_feature.feature
    and usage_records.idempotency_key = consume_feature.idempotency_key;
    if v_recorded is distinct from consume_feature.amount then
      raise exception 'This idempotency key was used with another amount'
        using errcode = 'CNFLT';
    end if;
  end if;

  select entitlements.* into v_entitlement
  from app_public.entitlements
  where entitlements.feature = consume_feature.feature;
  return v_entitlement;
end;
$$;
comment on function app_public.consume_feature(text, integer, text) is
  'Uses some of a metered feature, at most once for each idempotency key, never beyond the limit. '
  'Errors: LIMIT_EXCEEDED { feature, limit, used, resetsAt }, FEATURE_NOT_IN_PLAN, CONFLICT.';
alter function app_public.consume_feature(text, integer, text) owner to app_definer;
revoke all on function app_public.consume_feature(text, integer, text) from public;
grant execute on function app_public.consume_feature(text, integer, text) to app_user;
--! EndIncluded 40_usage/functions.sql

--! Included 50_billing/tables.sql
create table if not exists app_public.billing_accounts (
  tenant_id              uuid        not null,
  stripe_customer_id     text,
  stripe_subscription_id text,
  client_secret          text,
  created_at             timestamptz not null default now(),
  constraint billing_accounts_pkey primary key (tenant_id),
  constraint billing_accounts_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_accounts_stripe_customer_key unique (stripe_customer_id),
  constraint billing_accounts_stripe_customer_bounded
    check (char_length(stripe_customer_id) <= 255),
  constraint billing_accounts_stripe_subscription_bounded
    check (char_length(stripe_subscription_id) <= 255),
  constraint billing_accounts_client_secret_bounded check (char_length(client_secret) <= 1000)
);
comment on table app_public.billing_accounts is
  'Where a tenant stands at Stripe. For those whose role may manage billing.';
comment on column app_public.billing_accounts.stripe_subscription_id is
  'The subscription that decides the tenant''s access; null before there is one.';
comment on column app_public.billing_accounts.client_secret is
  'For Stripe.js to confirm the payment that is due; null when none is.';
comment on constraint billing_accounts_tenant_fkey on app_public.billing_accounts is
  E'@fieldName tenant\n@foreignSingleFieldName billing';

create table if not exists app_private.billing_intents (
  tenant_id              uuid        not null,
  id                     uuid        not null default uuidv7(),
  customer_email         text        not null,
  customer_name          text        not null,
  price_lookup_key       text        not null,
  stripe_price_id        text,
  stripe_subscription_id text,
  first_attempt_at       timestamptz,
  is_in_doubt            boolean     not null default false,
  key_generation         smallint    not null default 0,
  completed_at           timestamptz,
  created_at             timestamptz not null default now(),
  constraint billing_intents_pkey primary key (tenant_id, id),
  constraint billing_intents_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint billing_intents_customer_email_bounded check (char_length(customer_email) <= 320),
  constraint billing_intents_customer_name_bounded check (char_length(customer_name) <= 100),
  constraint billing_intents_price_lookup_key_bounded check (char_length(price_lookup_key) <= 60)
);
comment on table app_private.billing_intents is
  'A wish to subscribe, with the parameters of its calls to Stripe frozen: whoever repeats a call '
  'repeats it word for word, under the idempotency key made of the intent''s id.';
comment on column app_private.billing_intents.stripe_price_id is
  'Found when first needed, then frozen like the rest.';
comment on column app_private.billing_intents.first_attempt_at is
  'Stripe forgets idempotency keys after 24 h; from 23 h on it is searched before it is asked.';
comment on column app_private.billing_intents.is_in_doubt is
  'Stripe answered 5xx: it may have done what was asked. The next attempt searches first.';
comment on column app_private.billing_intents.key_generation is
  'Part of the idempotency keys. Counts up when Stripe was searched and had nothing, because it '
  'goes on answering 500 to a key that it once answered so.';
/* At most one open wish a tenant, whoever races. */
create unique index if not exists billing_intents_one_open
  on app_private.billing_intents (tenant_id) where completed_at is null;

create table if not exists app_private.stripe_events (
  id           text        not null,
  type         text        not null,
  customer_id  text,
  livemode     boolean     not null,
  api_version  text,
  status       text        not null,
  payload      json        not null,
  created_at   timestamptz not null,
  received_at  timestamptz not null default now(),
  processed_at timestamptz,
  constraint stripe_events_pkey primary key (id),
  constraint stripe_events_id_bounded check (char_length(id) between 1 and 255),
  constraint stripe_events_type_bounded check (char_length(type) between 1 and 255),
  constraint stripe_events_customer_bounded check (char_length(customer_id) <= 255),
  constraint stripe_events_status_known
    check (status in ('pending', 'processed', 'ignored', 'ignored_mode'))
);
comment on table app_private.stripe_events is
  'The inbox: every webhook event whose signature was good, once.';
comment on column app_private.stripe_events.payload is
  'As Stripe sent it. Nothing is ever decided by it: its age is unknown.';
comment on column app_private.stripe_events.created_at is
  'When Stripe made it, to the second: says nothing about order.';
comment on column app_private.stripe_events.status is
  'pending, processed: handed to the customer''s sync. ignored: of no interest. ignored_mode: of '
  'Stripe''s other mode (test or live).';
/* Serves: what is waiting, oldest first. */
create index if not exists stripe_events_pending_idx
  on app_private.stripe_events (received_at) where status = 'pending';

create table if not exists app_private.stripe_customers (
  tenant_id           uuid        not null,
  id                  text        not null,
  is_deleted          boolean     not null default false,
  sync_seq            bigint      not null default 0,
  synced_at           timestamptz,
  active_entitlements text[]      not null default '{}',
  constraint stripe_customers_pkey primary key (tenant_id, id),
  constraint stripe_customers_id_key unique (id),
  constraint stripe_customers_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint stripe_customers_id_bounded check (char_length(id) between 1 and 255)
);
comment on table app_private.stripe_customers is
  'Which tenant each Stripe customer is, and how fresh our copy of its subscriptions is.';
comment on column app_private.stripe_customers.sync_seq is
  'Taken from stripe_sync_seq before the fetch that was written last. Only a higher one may write.';
comment on column app_private.stripe_customers.active_entitlements is
  'Lookup keys of the features that Stripe says the customer has. What a tenant may use is decided '
  'by its plan here (plan_features); this is for comparing.';

create table if not exists app_private.stripe_subscriptions (
  tenant_id                 uuid        not null,
  id                        text        not null,
  customer_id               text        not null,
  status                    text        not null,
  plan_key                  text,
  current_period_start      timestamptz,
  current_period_end        timestamptz,
  cancel_at                 timestamptz,
  past_due_since            timestamptz,
  client_secret             text,
  created_at                timestamptz not null,
  grace_ends_at             timestamptz,
  trial_end                 timestamptz,
  ended_at                  timestamptz,
  cancellation_reason       text,
  pause_reason              text,
  pause_collection          text,
  pending_update_expires_at timestamptz,
  schedule_id               text,
  price_id                  text,
  quantity                  bigint,
  items                     jsonb       not null default '[]',
  known_status              text,
  unknown_since             timestamptz,
  constraint stripe_subscriptions_pkey primary key (tenant_id, id),
  constraint stripe_subscriptions_customer_fkey
    foreign key (tenant_id, customer_id) references app_private.stripe_customers (tenant_id, id)
    on delete cascade,
  constraint stripe_subscriptions_plan_fkey
    foreign key (plan_key) references app_public.plans (key)
);
comment on table app_private.stripe_subscriptions is
  'All subscriptions of our customers, as Stripe last told them.';
comment on column app_private.stripe_subscriptions.status is 'In Stripe''s words, known or not.';
comment on column app_private.stripe_subscriptions.plan_key is
  'The plan its price belongs to; null when no price of ours is among its items.';
comment on column app_private.stripe_subscriptions.current_period_end is
  'The earliest among its items: when the next invoice comes.';
comment on column app_private.stripe_subscriptions.past_due_since is
  'When the oldest invoice of the debt that runs was finalised; null when nothing is overdue.';
comment on column app_private.stripe_subscriptions.grace_ends_at is
  'Until when what it granted is kept: fixed when past_due_since or unknown_since was first seen, by '
  'the grace period configured then. Null when nothing is overdue and its status is known.';
comment on column app_private.stripe_subscriptions.cancellation_reason is
  'Why it was canceled, in Stripe''s words, e.g. payment_disputed.';
comment on column app_private.stripe_subscriptions.pause_reason is
  'Why it is paused, in Stripe''s words, e.g. trial_end_without_payment_method.';
comment on column app_private.stripe_subscriptions.pause_collection is
  'What becomes of its invoices while no payments are collected; null while they are.';
comment on column app_private.stripe_subscriptions.pending_update_expires_at is
  'When a change that waits for its payment lapses; null when none waits.';
comment on column app_private.stripe_subscriptions.schedule_id is
  'The schedule that changes it; null when it may be changed directly.';
comment on column app_private.stripe_subscriptions.price_id is
  'The price of the item that plan_key was found by, of which there are "quantity".';
comment on column app_private.stripe_subscriptions.items is
  'All its items: [{ id, price_id, product_id, lookup_key, quantity, unit_amount_decimal, currency, '
  'interval, interval_count, usage_type, current_period_start, current_period_end }]. '
  'unit_amount_decimal is text, exact to the last digit.';
comment on column app_private.stripe_subscriptions.known_status is
  'The last status that we know the meaning of; null when there was none.';
comment on column app_private.stripe_subscriptions.unknown_since is
  'When a status was first seen that we don''t know the meaning of; null while we do.';
/* Serves: a customer's subscriptions (and the foreign key). */
create index if not exists stripe_subscriptions_customer_idx
  on app_private.stripe_subscriptions (tenant_id, customer_id);
/* Serves the foreign key. */
create index if not exists stripe_subscriptions_plan_idx
  on app_private.stripe_subscriptions (plan_key);

create sequence if not exists app_private.stripe_sync_seq;
comment on sequence app_private.stripe_sync_seq is
  'Orders fetches from Stripe: taken before the fetch, compared at the write.';
--! EndIncluded 50_billing/tables.sql
--! Included 50_billing/access.sql
revoke all on app_public.billing_accounts
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select (tenant_id, stripe_customer_id, stripe_subscription_id, client_secret, created_at)
  on app_public.billing_accounts to app_user;
grant insert on app_public.billing_accounts to app_definer;
grant select, update (stripe_customer_id, stripe_subscription_id, client_secret)
  on app_public.billing_accounts to app_worker;

revoke all
  on app_private.billing_intents, app_private.stripe_events,
    app_private.stripe_customers, app_private.stripe_subscriptions
  from public, app_user, app_anonymous, app_worker, app_definer;
grant insert on app_private.billing_intents to app_definer;
grant
  select,
  update (
    stripe_price_id, stripe_subscription_id, first_attempt_at,
    is_in_doubt, key_generation, completed_at
  )
  on app_private.billing_intents to app_worker;

grant select, insert on app_private.stripe_events to app_definer;
grant select, update (status, processed_at) on app_private.stripe_events to app_worker;

grant select, insert, update (is_deleted, sync_seq, synced_at, active_entitlements)
  on app_private.stripe_customers to app_worker;
grant select, insert, update, delete on app_private.stripe_subscriptions to app_worker;

revoke all on sequence app_private.stripe_sync_seq from public, app_worker;
grant usage on sequence app_private.stripe_sync_seq to app_worker;
--! EndIncluded 50_billing/access.sql
--! Included 50_billing/policies.sql
alter table app_public.billing_accounts enable row level security;
alter table app_public.billing_accounts force row level security;
drop policy if exists select_manager on app_public.billing_accounts;
create policy select_manager on app_public.billing_accounts
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists insert_definer on app_public.billing_accounts;
create policy insert_definer on app_public.billing_accounts
  for insert to app_definer with check (true);
drop policy if exists select_worker on app_public.billing_accounts;
create policy select_worker on app_public.billing_accounts
  for select to app_worker using (true);
drop policy if exists update_worker on app_public.billing_accounts;
create policy update_worker on app_public.billing_accounts
  for update to app_worker using (true) with check (true);

alter table app_private.billing_intents enable row level security;
alter table app_private.billing_intents force row level security;
drop policy if exists insert_definer on app_private.billing_intents;
create policy insert_definer on app_private.billing_intents
  for insert to app_definer with check (true);
drop policy if exists select_worker on app_private.billing_intents;
create policy select_worker on app_private.billing_intents
  for select to app_worker using (true);
drop policy if exists update_worker on app_private.billing_intents;
create policy update_worker on app_private.billing_intents
  for update to app_worker using (true) with check (true);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;
drop policy if exists select_system on app_private.stripe_events;
create policy select_system on app_private.stripe_events
  for select to app_definer, app_worker using (true);
drop policy if exists insert_definer on app_private.stripe_events;
create policy insert_definer on app_private.stripe_events
  for insert to app_definer with check (true);
drop policy if exists update_worker on app_private.stripe_events;
create policy update_worker on app_private.stripe_events
  for update to app_worker using (true) with check (true);

alter table app_private.stripe_customers enable row level security;
alter table app_private.stripe_customers force row level security;
drop policy if exists all_worker on app_private.stripe_customers;
create policy all_worker on app_private.stripe_customers
  for all to app_worker using (true) with check (true);

alter table app_private.stripe_subscriptions enable row level security;
alter table app_private.stripe_subscriptions force row level security;
drop policy if exists all_worker on app_private.stripe_subscriptions;
create policy all_worker on app_private.stripe_subscriptions
  for all to app_worker using (true) with check (true);
--! EndIncluded 50_billing/policies.sql
--! Included 50_billing/invoices.sql
create table if not exists app_public.invoices (
  tenant_id               uuid        not null,
  id                      text        not null,
  subscription_id         text,
  number                  text,
  status                  text        not null,
  billing_reason          text,
  attempt_count           integer     not null,
  next_payment_attempt_at timestamptz,
  currency                text        not null,
  amount_due              bigint      not null,
  amount_paid             bigint      not null,
  amount_remaining        bigint      not null,
  hosted_invoice_url      text,
  invoice_pdf_url         text,
  period_start            timestamptz not null,
  period_end              timestamptz not null,
  finalized_at            timestamptz,
  paid_at                 timestamptz,
  created_at              timestamptz not null,
  constraint invoices_pkey primary key (tenant_id, id),
  constraint invoices_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint invoices_id_bounded check (char_length(id) between 1 and 255),
  constraint invoices_subscription_bounded check (char_length(subscription_id) <= 255),
  constraint invoices_number_bounded check (char_length(number) <= 255),
  constraint invoices_status_bounded check (char_length(status) <= 100),
  constraint invoices_billing_reason_bounded check (char_length(billing_reason) <= 100),
  constraint invoices_currency_bounded check (char_length(currency) <= 20),
  constraint invoices_hosted_url_bounded check (char_length(hosted_invoice_url) <= 5000),
  constraint invoices_pdf_url_bounded check (char_length(invoice_pdf_url) <= 5000)
);
comment on table app_public.invoices is
  'What Stripe has asked the tenant to pay, newest first. For those whose role may manage billing. '
  'Drafts are not among them: nobody owes those yet.';
comment on column app_public.invoices.id is 'Stripe''s id of the invoice.';
comment on column app_public.invoices.subscription_id is
  'Stripe''s id of the subscription it is for; null when it is for none.';
comment on column app_public.invoices.number is 'What is printed on it.';
comment on column app_public.invoices.status is
  'In Stripe''s words: open (to be paid), paid, void, uncollectible.';
comment on column app_public.invoices.billing_reason is
  'Why it was made, in Stripe''s words, e.g. subscription_create, subscription_cycle.';
comment on column app_public.invoices.attempt_count is 'How often payment was tried.';
comment on column app_public.invoices.next_payment_attempt_at is
  'When Stripe will try again by itself; null when it will not.';
comment on column app_public.invoices.currency is
  'ISO 4217, in lower case; the amounts are in its smallest unit.';
comment on column app_public.invoices.hosted_invoice_url is
  'Stripe''s page of it, where it is paid while it is open.';
comment on column app_public.invoices.invoice_pdf_url is 'Where it is downloaded.';
comment on column app_public.invoices.paid_at is 'Null until it is paid.';
comment on constraint invoices_tenant_fkey on app_public.invoices is
  E'@fieldName tenant\n@foreignFieldName invoices';
/* Serves: the newest of a tenant's. */
create index if not exists invoices_created_idx
  on app_public.invoices (tenant_id, created_at desc, id);

alter table app_public.invoices enable row level security;
alter table app_public.invoices force row level security;
drop policy if exists select_manager on app_public.invoices;
create policy select_manager on app_public.invoices
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists all_worker on app_public.invoices;
create policy all_worker on app_public.invoices
  for all to app_worker using (true) with check (true);

revoke all on app_public.invoices from public, app_user, app_anonymous, app_worker, app_definer;
/* Nobody writes them but the sync; nobody deletes one, however old. */
grant select on app_public.invoices to app_user;
grant
  select, insert,
  update (
    subscription_id, number, status, billing_reason, attempt_count, next_payment_attempt_at,
    currency, amount_due, amount_paid, amount_remaining, hosted_invoice_url, invoice_pdf_url,
    period_start, period_end, finalized_at, paid_at
  )
  on app_public.invoices to app_worker;
--! EndIncluded 50_billing/invoices.sql
--! Included 50_billing/access_rules.sql
/*
 * What a subscription's status means for its tenant: one table, to be read and tested as one. Some
 * mean something else under a circumstance, which subscription_outcome finds; '' is any other.
 */
create or replace function app_private.subscription_meanings()
  returns table (
    stripe_status text, circumstance text, status text, access text, access_reason text
  )
  language sql immutable parallel safe
begin atomic
  select meanings.*
  from (
    values
      ('incomplete',         '',              'incomplete', 'none',      'awaiting_payment'),
      ('incomplete_expired', '',              'incomplete', 'none',      'payment_expired'),
      ('trialing',           '',              'trialing',   'full',      'trial'),
      ('active',             '',              'active',     'full',      'paid'),
      ('active',             'not_collected', 'active',     'full',      'collection_paused'),
      ('past_due',           'in_grace',      'past_due',   'full',      'payment_failed'),
      ('past_due',           '',              'suspended',  'none',      'grace_ended'),
      ('unpaid',             '',              'suspended',  'none',      'unpaid'),
      ('paused',             'by_choice',     'suspended',  'read_only', 'paused'),
      ('paused',             '',              'suspended',  'none',      'unpaid'),
      ('canceled',           '',              'suspended',  'none',      'canceled'),
      ('canceled',           'unpaid',        'suspended',  'none',      'unpaid'),
      ('canceled',           'disputed',      'suspended',  'none',      'payment_disputed')
  ) as meanings (stripe_status, circumstance, status, access, access_reason);
end;
comment on function app_private.subscription_meanings() is
  'The tenant''s status, access and reason for each status of a subscription that is known.';

create or replace function app_private.unknown_status_grace()
  returns interval
  language sql immutable parallel safe
return interval '24 hours';
comment on function app_private.unknown_status_grace() is
  'How long a subscription keeps what it granted when Stripe gives it a status that we don''t know.';

/*
 * Pure. A status that Stripe adds tomorrow grants nothing new; what the last known one granted is
 * kept for a day, in which somebody can look.
 */
create or replace function app_private.subscription_outcome(
  p_subscription app_private.stripe_subscriptions,
  p_now timestamptz
)
  returns table (status text, access text, access_reason text, kept_until timestamptz)
  language sql immutable parallel safe
begin atomic
  with circumstances as (
    select
      case (p_subscription).known_status
        when 'active' then
          case when (p_subscription).pause_collection is not null then 'not_collected' end
        when 'past_due' then
          case when p_now < (p_subscription).grace_ends_at then 'in_grace' end
        when 'paused' then
          case
            when coalesce((p_subscription).pause_reason, 'pause_requested')
              in ('pause_requested', 'trial_end_without_payment_method')
            then 'by_choice'
          end
        when 'canceled' then
          case (p_subscription).cancellation_reason
            when 'payment_failed' then 'unpaid'
            when 'payment_disputed' then 'disputed'
          end
      end as circumstance,
      (p_subscription).unknown_since + app_private.unknown_status_grace() as kept_until
  )
  select
    coalesce(meanings.status, 'suspended'),
    coalesce(meanings.access, 'none'),
    case when circumstances.kept_until is null
      then meanings.access_reason
      else 'unknown_status'
    end,
    case when meanings.access <> 'none' then
      /* "least" passes over null: what ends first counts, of what there is. */
      least(
        circumstances.kept_until,
        case when meanings.circumstance = 'in_grace' then (p_subscription).grace_ends_at end
      )
    end
  from circumstances
  left join app_private.subscription_meanings() as meanings
    on meanings.stripe_status = (p_subscription).known_status
    and meanings.circumstance = coalesce(circumstances.circumstance, '')
    and coalesce(p_now < circumstances.kept_until, true);
end;
comment on function app_private.subscription_outcome(
  app_private.stripe_subscriptions, timestamptz
) is
  'What a subscription gives its tenant now. kept_until: when the clock takes it away; null when '
  'only Stripe can.';

/*
 * Decides by all of a tenant's subscriptions, never by the one in an event: an old one that ends
 * must not take away what a new one grants. Among those that grant the same, one that stands
 * firmly goes before one that is in its grace period, the larger plan before the smaller, the newer
 * before the older.
 */
create or replace function app_private.tenant_standing(p_tenant_id uuid, p_now timestamptz)
  returns table (
    status text,
    access text,
    access_reason text,
    grace_ends_at timestamptz,
    access_until timestamptz,
    plan_key text,
    current_period_start timestamptz,
    current_period_end timestamptz,
    cancel_at timestamptz,
    trial_ends_at timestamptz,
    subscription_id text,
    client_secret text
  )
  language sql stable parallel safe
begin atomic
  select
    outcome.status,
    outcome.access,
    outcome.access_reason,
    coalesce(outcome.kept_until, subscriptions.grace_ends_at),
    case when outcome.access <> 'none' then least(outcome.kept_until, subscriptions.cancel_at) end,
    subscriptions.plan_key,
    subscriptions.current_period_start,
    subscriptions.current_period_end,
    subscriptions.cancel_at,
    case when outcome.status = 'trialing' then subscriptions.trial_end end,
    case when not stripe_customers.is_deleted then subscriptions.id end,
    subscriptions.client_secret
  from app_private.stripe_subscriptions as subscriptions
  join app_private.stripe_customers
    on stripe_customers.tenant_id = subscriptions.tenant_id
    and stripe_customers.id = subscriptions.customer_id
  cross join lateral app_private.subscription_outcome(subscriptions, p_now) as outcome
  left join app_public.plans on plans.key = subscriptions.plan_key
  where subscriptions.tenant_id = p_tenant_id
  order by
    array_position(array['full', 'read_only', 'none'], outcome.access),
    subscriptions.status in ('canceled', 'incomplete_expired'),
    outcome.kept_until is not null,
    case when outcome.access <> 'none' then plans.position end desc nulls last,
    subscriptions.created_at desc,
    subscriptions.id desc
  limit 1;
end;
comment on function app_private.tenant_standing(uuid, timestamptz) is
  'What all of a tenant''s subscriptions together mean for it at a time; no row when it has none. '
  'grace_ends_at: when the clock takes its access away, or took it.';

revoke all on function
  app_private.subscription_meanings(),
  app_private.unknown_status_grace(),
  app_private.subscription_outcome(app_private.stripe_subscriptions, timestamptz),
  app_private.tenant_standing(uuid, timestamptz)
  from public;
grant execute on function
  app_private.subscription_meanings(),
  app_private.unknown_status_grace(),
  app_private.subscription_outcome(app_private.stripe_subscriptions, timestamptz),
  app_private.tenant_standing(uuid, timestamptz)
  to app_worker;
--! EndIncluded 50_billing/access_rules.sql
--! Included 50_billing/apply_billing.sql
create or replace function app_private.apply_billing(p_tenant_id uuid)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_job_key constant text := 'end_grace_period:' || p_tenant_id;
  v_tenant app_public.tenants;
  v_standing record;
begin
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = p_tenant_id
  for no key update;

  select standing.* into v_standing
  from app_private.tenant_standing(p_tenant_id, now()) as standing;
  if not found then
    return;
  end if;

  update app_public.tenants set
    plan = coalesce(v_standing.plan_key, tenants.plan),
    status = v_standing.status,
    access = v_standing.access,
    access_reason = v_standing.access_reason,
    current_period_start = v_standing.current_period_start,
    current_period_end = v_standing.current_period_end,
    cancel_at = v_standing.cancel_at,
    grace_ends_at = v_standing.grace_ends_at,
    trial_ends_at = v_standing.trial_ends_at,
    access_until = v_standing.access_until
  where tenants.id = p_tenant_id
  and tenants.status <> 'closed'
  /* Nothing is written, and no trigger fires, for what has not changed. */
  and (
    tenants.plan, tenants.status, tenants.access, tenants.access_reason,
    tenants.current_period_start, tenants.current_period_end, tenants.cancel_at,
    tenants.grace_ends_at, tenants.trial_ends_at, tenants.access_until
  ) is distinct from (
    coalesce(v_standing.plan_key, tenants.plan), v_standing.status, v_standing.access,
    v_standing.access_reason, v_standing.current_period_start, v_standing.current_period_end,
    v_standing.cancel_at, v_standing.grace_ends_at, v_standing.trial_ends_at,
    v_standing.access_until
  );

  update app_public.billing_accounts set
    stripe_subscription_id = v_standing.subscription_id,
    client_secret = v_standing.client_secret
  where billing_accounts.tenant_id = p_tenant_id
  and (billing_accounts.stripe_subscription_id, billing_accounts.client_secret)
    is distinct from (v_standing.subscription_id, v_standing.client_secret);

  if v_standing.grace_ends_at > now() then
    perform graphile_worker.add_job(
      'end_grace_period',
      json_build_object('tenant_id', p_tenant_id),
      run_at => v_standing.grace_ends_at,
      job_key => v_job_key
    );
  elsif v_tenant.grace_ends_at is not null then
    perform graphile_worker.remove_job(v_job_key);
  end if;
end;
$$;
comment on function app_private.apply_billing(uuid) is
  'Writes to a tenant what its subscriptions mean now, and books the end of its grace period.';

create or replace function app_private.end_grace_period(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.apply_billing(p_tenant_id);
end;
comment on function app_private.end_grace_period(uuid) is
  'Suspends the tenant if its grace period is over and nothing was paid; else changes nothing.';

revoke all on function
  app_private.apply_billing(uuid),
  app_private.end_grace_period(uuid)
  from public;
grant execute on function
  app_private.apply_billing(uuid),
  app_private.end_grace_period(uuid)
  to app_worker;
--! EndIncluded 50_billing/apply_billing.sql
--! Included 50_billing/provisioning.sql
create or replace function app_private.begin_billing_intent(p_tenant_id uuid)
  returns table (
    id uuid,
    key_generation smallint,
    customer_email text,
    customer_name text,
    price_lookup_key text,
    stripe_price_id text,
    stripe_customer_id text,
    first_attempt_at timestamptz,
    must_search boolean
  )
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    first_attempt_at = coalesce(billing_intents.first_attempt_at, now())
  from app_public.billing_accounts
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_accounts.tenant_id = billing_intents.tenant_id
  returning
    billing_intents.id,
    billing_intents.key_generation,
    billing_intents.customer_email,
    billing_intents.customer_name,
    billing_intents.price_lookup_key,
    billing_intents.stripe_price_id,
    billing_accounts.stripe_customer_id,
    billing_intents.first_attempt_at,
    billing_intents.is_in_doubt
      or billing_intents.first_attempt_at < now() - interval '23 hours';
end;
comment on function app_private.begin_billing_intent(uuid) is
  'The tenant''s open wish to subscribe and how far it got; no row when there is none. must_search: '
  'an earlier attempt may have succeeded unseen, look before creating.';

create or replace function app_private.freeze_intent_price(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_price_id text
)
  returns text
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    stripe_price_id = coalesce(billing_intents.stripe_price_id, p_price_id)
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  returning billing_intents.stripe_price_id;
end;
comment on function app_private.freeze_intent_price(uuid, uuid, text) is
  'Stores the price found for an intent, unless one is stored; returns the one that counts.';

create or replace function app_private.doubt_intent(p_tenant_id uuid, p_intent_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set is_in_doubt = true
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id;
end;
comment on function app_private.doubt_intent(uuid, uuid) is
  'Notes that Stripe answered 5xx: whether it did what was asked is unknown.';

create or replace function app_private.settle_intent_doubt(p_tenant_id uuid, p_intent_id uuid)
  returns smallint
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    is_in_doubt = false,
    first_attempt_at = now(),
    key_generation = billing_intents.key_generation + 1
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  returning billing_intents.key_generation;
end;
comment on function app_private.settle_intent_doubt(uuid, uuid) is
  'Notes that Stripe was searched and had nothing; returns the generation for fresh keys.';

create or replace function app_private.record_intent_customer(
  p_tenant_id uuid,
  p_customer_id text
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_public.billing_accounts set
    stripe_customer_id = coalesce(billing_accounts.stripe_customer_id, p_customer_id)
  where billing_accounts.tenant_id = p_tenant_id
  returning billing_accounts.stripe_customer_id into v_customer_id;

  insert into app_private.stripe_customers (tenant_id, id)
  values (p_tenant_id, v_customer_id)
  on conflict do nothing;
  return v_customer_id;
end;
$$;
comment on function app_private.record_intent_customer(uuid, text) is
  'Ties a Stripe customer to a tenant that has none yet; returns the one that counts, which is '
  'another when somebody was faster.';

create or replace function app_private.record_intent_subscription(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_subscription_id text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    stripe_subscription_id = p_subscription_id,
    completed_at = now()
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id;
end;
comment on function app_private.record_intent_subscription(uuid, uuid, text) is
  'Closes an intent: its subscription exists.';

create or replace function app_private.adopt_stripe_customer(
  p_customer_id text,
  p_tenant_id uuid,
  p_intent_id uuid
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Metadata can be written by anyone in the dashboard: the tenant must have wished for it. */
  if not exists (
    select
    from app_private.billing_intents
    where billing_intents.tenant_id = p_tenant_id
    and billing_intents.id = p_intent_id
  ) or exists (
    select
    from app_private.stripe_customers
    where stripe_customers.id = p_customer_id
    and stripe_customers.tenant_id <> p_tenant_id
  ) then
    return false;
  end if;
  return app_private.record_intent_customer(p_tenant_id, p_customer_id) = p_customer_id;
end;
$$;
comment on function app_private.adopt_stripe_customer(text, uuid, uuid) is
  'Ties a customer made for an intent of ours to its tenant; false when it is not ours, when it is '
  'another tenant''s, or when the tenant has another.';

revoke all on function
  app_private.begin_billing_intent(uuid),
  app_private.freeze_intent_price(uuid, uuid, text),
  app_private.doubt_intent(uuid, uuid),
  app_private.settle_intent_doubt(uuid, uuid),
  app_private.record_intent_customer(uuid, text),
  app_private.record_intent_subscription(uuid, uuid, text),
  app_private.adopt_stripe_customer(text, uuid, uuid)
  from public;
grant execute on function
  app_private.begin_billing_intent(uuid),
  app_private.freeze_intent_price(uuid, uuid, text),
  app_private.doubt_intent(uuid, uuid),
  app_private.settle_intent_doubt(uuid, uuid),
  app_private.record_intent_customer(uuid, text),
  app_private.record_intent_subscription(uuid, uuid, text),
  app_private.adopt_stripe_customer(text, uuid, uuid)
  to app_worker;
--! EndIncluded 50_billing/provisioning.sql
--! Included 50_billing/inbox.sql
create or replace function app_private.is_billing_event(p_type text)
  returns boolean
  language sql immutable parallel safe
return p_type ~ '^(customer|invoice|checkout\.session|entitlements|payment_method|setup_intent)\.';
comment on function app_private.is_billing_event(text) is
  'Whether an event may change what a customer has bought. Too many is harmless: each only asks '
  'for a fresh look at the customer.';

/*
 * security definer: the HTTP process may drop a verified event into the inbox and nothing else. The
 * row and its job are one statement, so one transaction: neither is there without the other.
 */
create or replace function app_private.receive_stripe_event(
  p_id text,
  p_type text,
  p_customer_id text,
  p_livemode boolean,
  p_expected_livemode boolean,
  p_api_version text,
  p_created_at timestamptz,
  p_payload json
)
  returns text
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_status text := case
    when p_livemode <> p_expected_livemode then 'ignored_mode'
    when p_customer_id is null or not app_private.is_billing_event(p_type) then 'ignored'
    else 'pending'
  end;
begin
  insert into app_private.stripe_events (
    id, type, customer_id, livemode, api_version, status, payload, created_at
  )
  values (
    p_id, p_type, p_customer_id, p_livemode, p_api_version, v_status, p_payload, p_created_at
  )
  on conflict (id) do nothing;
  if not found then
    return 'duplicate';
  end if;

  if v_status = 'pending' then
    perform graphile_worker.add_job(
      'stripe_process_event',
      json_build_object('event_id', p_id),
      job_key => 'stripe_event:' || p_id
    );
  end if;
  return v_status;
end;
$$;
comment on function app_private.receive_stripe_event(
  text, text, text, boolean, boolean, text, timestamptz, json
) is
  'Keeps a verified event and books its processing, once for each id. Returns pending, ignored, '
  'ignored_mode or duplicate.';
alter function app_private.receive_stripe_event(
  text, text, text, boolean, boolean, text, timestamptz, json
) owner to app_definer;

create or replace function app_private.request_customer_sync(p_customer_id text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * One queue and one key a customer: bursts fold into one sync, and an event that comes while one
   * runs gets another after it.
   */
  select graphile_worker.add_job(
    'stripe_sync_customer',
    json_build_object('customer_id', p_customer_id),
    queue_name => 'stripe_customer:' || p_customer_id,
    job_key => 'stripe_customer:' || p_customer_id
  );
end;
comment on function app_private.request_customer_sync(text) is
  'Books a fresh copy of a customer''s subscriptions from Stripe.';

create or replace function app_private.process_stripe_event(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_private.stripe_events set
    status = 'processed',
    processed_at = now()
  where stripe_events.id = p_event_id
  and stripe_events.status = 'pending'
  returning stripe_events.customer_id into v_customer_id;
  if found then
    perform app_private.request_customer_sync(v_customer_id);
  end if;
end;
$$;
comment on function app_private.process_stripe_event(text) is
  'Hands a pending event to its customer''s sync, in one transaction; changes nothing twice.';

revoke all on function
  app_private.is_billing_event(text),
  app_private.receive_stripe_event(
    text, text, text, boolean, boolean, text, timestamptz, json
  ),
  app_private.request_customer_sync(text),
  app_private.process_stripe_event(text)
  from public;
grant execute on function app_private.is_billing_event(text) to app_definer;
grant execute on function app_private.receive_stripe_event(
  text, text, text, boolean, boolean, text, timestamptz, json
) to rowhouse_server;
grant execute on function
  app_private.request_customer_sync(text),
  app_private.process_stripe_event(text)
  to app_worker;
--! EndIncluded 50_billing/inbox.sql
--! Included 50_billing/sync_subscriptions.sql
/*
 * Helpers of record_stripe_customer, which has locked the customer. Each statement writes only what
 * has changed, so that no trigger fires for what has not.
 */
create or replace function app_private.end_unlisted_subscriptions(
  p_tenant_id uuid,
  p_customer_id text,
  p_subscriptions jsonb
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.stripe_subscriptions set
    status = 'canceled',
    known_status = 'canceled',
    ended_at = coalesce(stripe_subscriptions.ended_at, now()),
    client_secret = null,
    past_due_since = null,
    grace_ends_at = null,
    unknown_since = null
  where stripe_subscriptions.tenant_id = p_tenant_id
  and stripe_subscriptions.customer_id = p_customer_id
  and stripe_subscriptions.status not in ('canceled', 'incomplete_expired')
  and not p_subscriptions @> jsonb_build_array(jsonb_build_object('id', stripe_subscriptions.id));
end;
comment on function app_private.end_unlisted_subscriptions(uuid, text, jsonb) is
  'What Stripe lists no more has ended; a deleted customer''s end with it and can''t be listed.';

create or replace function app_private.record_stripe_subscriptions(
  p_tenant_id uuid,
  p_customer_id text,
  p_subscriptions jsonb,
  p_grace_period interval
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.stripe_subscriptions as written (
    tenant_id, id, customer_id, status, known_status, unknown_since, plan_key, price_id, quantity,
    items, current_period_start, current_period_end, trial_end, cancel_at, ended_at,
    cancellation_reason, pause_reason, pause_collection, pending_update_expires_at, schedule_id,
    past_due_since, grace_ends_at, client_secret, created_at
  )
  select
    p_tenant_id,
    truth.id,
    p_customer_id,
    truth.status,
    meaning.known_status,
    meaning.unknown_since,
    main_item.plan_key,
    main_item.price_id,
    main_item.quantity,
    truth.items,
    to_timestamp(truth.current_period_start),
    to_timestamp(truth.current_period_end),
    to_timestamp(truth.trial_end),
    to_timestamp(truth.cancel_at),
    to_timestamp(truth.ended_at),
    truth.cancellation_reason,
    truth.pause_reason,
    truth.pause_collection,
    to_timestamp(truth.pending_update_expires_at),
    truth.schedule_id,
    debt.since,
    /* One debt, one fixed period: it moves only when what is owed is owed since another time. */
    case when debt.since = known.past_due_since
      then known.grace_ends_at
      else debt.since + p_grace_period
    end,
    truth.client_secret,
    to_timestamp(truth.created)
  from jsonb_to_recordset(p_subscriptions) as truth (
    id text,
    status text,
    items jsonb,
    current_period_start double precision,
    current_period_end double precision,
    trial_end double precision,
    cancel_at double precision,
    ended_at double precision,
    cancellation_reason text,
    pause_reason text,
    pause_collection text,
    pending_update_expires_at double precision,
    schedule_id text,
    past_due_since double precision,
    client_secret text,
    created double precision
  )
  left join app_private.stripe_subscriptions as known
    on known.tenant_id = p_tenant_id and known.id = truth.id
  cross join lateral (
    select
      case when is_known.so then truth.status else known.known_status end as known_status,
      case when not is_known.so then coalesce(known.unknown_since, now()) end as unknown_since
    from (
      select exists (
        select
        from app_private.subscription_meanings() as meanings
        where meanings.stripe_status = truth.status
      )
    ) as is_known (so)
  ) as meaning
  cross join lateral (
    select case when meaning.known_status = 'past_due'
      then coalesce(to_timestamp(truth.past_due_since), known.past_due_since, now())
    end as since
  ) as debt
  left join lateral (
    select plan_prices.plan_key, items.price_id, items.quantity
    from jsonb_to_recordset(truth.items) as items (lookup_key text, price_id text, quantity bigint)
    join app_public.plan_prices on plan_prices.lookup_key = items.lookup_key
    join app_public.plans on plans.key = plan_prices.plan_key
    order by plans.position desc, items.price_id
    limit 1
  ) as main_item on true
  on conflict (tenant_id, id) do update set
    customer_id = excluded.customer_id,
    status = excluded.status,
    known_status = excluded.known_status,
    unknown_since = excluded.unknown_since,
    plan_key = excluded.plan_key,
    price_id = excluded.price_id,
    quantity = excluded.quantity,
    items = excluded.items,
    current_period_start = excluded.current_period_start,
    current_period_end = excluded.current_period_end,
    trial_end = excluded.trial_end,
    cancel_at = excluded.cancel_at,
    ended_at = excluded.ended_at,
    cancellation_reason = excluded.cancellation_reason,
    pause_reason = excluded.pause_reason,
    pause_collection = excluded.pause_collection,
    pending_update_expires_at = excluded.pending_update_expires_at,
    schedule_id = excluded.schedule_id,
    past_due_since = excluded.past_due_since,
    grace_ends_at = excluded.grace_ends_at,
    client_secret = excluded.client_secret
  where written is distinct from excluded;
end;
comment on function app_private.record_stripe_subscriptions(uuid, text, jsonb, interval) is
  'Writes what Stripe says of a customer''s subscriptions.';

revoke all on function
  app_private.end_unlisted_subscriptions(uuid, text, jsonb),
  app_private.record_stripe_subscriptions(uuid, text, jsonb, interval)
  from public;
grant execute on function
  app_private.end_unlisted_subscriptions(uuid, text, jsonb),
  app_private.record_stripe_subscriptions(uuid, text, jsonb, interval)
  to app_worker;
--! EndIncluded 50_billing/sync_subscriptions.sql
--! Included 50_billing/sync_invoices.sql
create or replace function app_private.record_stripe_invoices(p_tenant_id uuid, p_invoices jsonb)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_public.invoices as known (
    tenant_id, id, subscription_id, number, status, billing_reason, attempt_count,
    next_payment_attempt_at, currency, amount_due, amount_paid, amount_remaining,
    hosted_invoice_url, invoice_pdf_url, period_start, period_end, finalized_at, paid_at, created_at
  )
  select
    p_tenant_id,
    truth.id,
    truth.subscription_id,
    truth.number,
    truth.status,
    truth.billing_reason,
    truth.attempt_count,
    to_timestamp(truth.next_payment_attempt),
    truth.currency,
    truth.amount_due,
    truth.amount_paid,
    truth.amount_remaining,
    truth.hosted_invoice_url,
    truth.invoice_pdf,
    to_timestamp(truth.period_start),
    to_timestamp(truth.period_end),
    to_timestamp(truth.finalized_at),
    to_timestamp(truth.paid_at),
    to_timestamp(truth.created)
  from jsonb_to_recordset(p_invoices) as truth (
    id text,
    subscription_id text,
    number text,
    status text,
    billing_reason text,
    attempt_count integer,
    next_payment_attempt double precision,
    currency text,
    amount_due bigint,
    amount_paid bigint,
    amount_remaining bigint,
    hosted_invoice_url text,
    invoice_pdf text,
    period_start double precision,
    period_end double precision,
    finalized_at double precision,
    paid_at double precision,
    created double precision
  )
  on conflict (tenant_id, id) do update set
    subscription_id = excluded.subscription_id,
    number = excluded.number,
    status = excluded.status,
    billing_reason = excluded.billing_reason,
    attempt_count = excluded.attempt_count,
    next_payment_attempt_at = excluded.next_payment_attempt_at,
    currency = excluded.currency,
    amount_due = excluded.amount_due,
    amount_paid = excluded.amount_paid,
    amount_remaining = excluded.amount_remaining,
    hosted_invoice_url = excluded.hosted_invoice_url,
    invoice_pdf_url = excluded.invoice_pdf_url,
    period_start = excluded.period_start,
    period_end = excluded.period_end,
    finalized_at = excluded.finalized_at,
    paid_at = excluded.paid_at
  /* Nothing is written, and no trigger fires, for what has not changed. */
  where known is distinct from excluded;
end;
comment on function app_private.record_stripe_invoices(uuid, jsonb) is
  'Writes what Stripe says of some of a tenant''s invoices; the others stay as they are.';

revoke all on function app_private.record_stripe_invoices(uuid, jsonb) from public;
grant execute on function app_private.record_stripe_invoices(uuid, jsonb) to app_worker;
--! EndIncluded 50_billing/sync_invoices.sql
--! Included 50_billing/sync.sql
create or replace function app_private.begin_customer_sync(p_customer_id text)
  returns table (seq bigint, unsettled_invoice_ids text[])
  language sql volatile parallel unsafe
begin atomic
  select
    nextval('app_private.stripe_sync_seq'::regclass),
    array(
      select invoices.id
      from app_private.stripe_customers
      join app_public.invoices on invoices.tenant_id = stripe_customers.tenant_id
      where stripe_customers.id = p_customer_id
      and invoices.status not in ('paid', 'void')
      order by invoices.created_at desc
    );
end;
comment on function app_private.begin_customer_sync(text) is
  'Called before a fetch from Stripe. seq: whoever fetched later has the higher number. '
  'unsettled_invoice_ids: what we hold that may still change, however old it is.';

/*
 * The only writer of what Stripe says. Every change at Stripe is followed by an event, whose sync
 * takes its number after the change; the highest number wins; so the last write read the last
 * change, whatever order anything arrived in.
 */
create or replace function app_private.record_stripe_customer(
  p_sync_seq bigint,
  p_truth jsonb,
  p_grace_days double precision
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id constant text := p_truth->>'id';
  v_tenant_id uuid;
begin
  update app_private.stripe_customers set
    is_deleted = (p_truth->>'is_deleted')::boolean,
    active_entitlements = array(
      select entitlements.lookup_key
      from jsonb_array_elements_text(p_truth->'active_entitlements') as entitlements (lookup_key)
      order by entitlements.lookup_key
    ),
    sync_seq = p_sync_seq,
    synced_at = now()
  where stripe_customers.id = v_customer_id
  and stripe_customers.sync_seq < p_sync_seq
  returning stripe_customers.tenant_id into v_tenant_id;
  if not found then
    return case
      when exists (
        select from app_private.stripe_customers where stripe_customers.id = v_customer_id
      ) then 'stale'
      else 'unknown'
    end;
  end if;

  perform app_private.end_unlisted_subscriptions(
    v_tenant_id, v_customer_id, p_truth->'subscriptions'
  );
  perform app_private.record_stripe_subscriptions(
    v_tenant_id, v_customer_id, p_truth->'subscriptions', make_interval(secs => p_grace_days * 86400)
  );
  perform app_private.record_stripe_invoices(v_tenant_id, p_truth->'invoices');
  perform app_private.apply_billing(v_tenant_id);
  return 'recorded';
end;
$$;
comment on function app_private.record_stripe_customer(bigint, jsonb, double precision) is
  'Replaces our copy of a customer by what was fetched after p_sync_seq was taken. p_truth is '
  'CustomerTruth of tasks/stripe_customer_truth.ts, times in Unix seconds. Returns recorded, stale '
  '(a later fetch was written already) or unknown (no tenant has this customer).';

revoke all on function
  app_private.begin_customer_sync(text),
  app_private.record_stripe_customer(bigint, jsonb, double precision)
  from public;
grant execute on function
  app_private.begin_customer_sync(text),
  app_private.record_stripe_customer(bigint, jsonb, double precision)
  to app_worker;
--! EndIncluded 50_billing/sync.sql
--! Included 50_billing/create_tenant.sql
/*
 * security definer: nobody is a member of a tenant that does not exist yet. The owner is the
 * signed-in person, never an argument.
 *
 * One transaction makes the tenant, its owner, the frozen wish to subscribe and the job that
 * carries it to Stripe: none is ever there without the others.
 */
create or replace function app_public.create_tenant(
  name text,
  plan text default 'starter',
  "interval" text default 'month'
)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := btrim(create_tenant.name, E' \t\r\n');
  v_user_id uuid := app_private.current_user_id();
  v_lookup_key text;
  v_tenant app_public.tenants;
begin
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100
    or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;

  select plan_prices.lookup_key into v_lookup_key
  from app_public.plan_prices
  where plan_prices.plan_key = create_tenant.plan
  and plan_prices."interval" = create_tenant."interval";
  if not found then
    raise exception 'There is no such plan, or it is not sold by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists them with their prices.';
  end if;

  insert into app_public.tenants (name, plan)
  values (v_name, create_tenant.plan)
  returning tenants.* into v_tenant;

  insert into app_public.memberships (tenant_id, user_id, role)
  values (v_tenant.id, v_user_id, 'owner');

  insert into app_public.billing_accounts (tenant_id)
  values (v_tenant.id);

  insert into app_private.billing_intents (
    tenant_id, customer_email, customer_name, price_lookup_key
  )
  select v_tenant.id, users.email, v_name, v_lookup_key
  from app_public.users
  where users.id = v_user_id;

  perform graphile_worker.add_job(
    'stripe_provision_tenant',
    json_build_object('tenant_id', v_tenant.id),
    job_key => 'stripe_provision_tenant:' || v_tenant.id
  );
  return v_tenant;
end;
$$;
comment on function app_public.create_tenant(text, text, text) is
  'Founds a tenant owned by the signed-in person. It is "provisioning" until Stripe has answered, '
  'then "incomplete" until the first payment; currentTenant.billing.clientSecret is what to pay '
  'with. Needs no tenant in the token.';
alter function app_public.create_tenant(text, text, text) owner to app_definer;
revoke all on function app_public.create_tenant(text, text, text) from public;
grant execute on function app_public.create_tenant(text, text, text) to app_user;
--! EndIncluded 50_billing/create_tenant.sql

--! Included 70_stripe_checks/tables.sql
create table if not exists app_private.stripe_checks (
  id          uuid        not null default uuidv7(),
  kind        text        not null,
  started_at  timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  result      jsonb       not null default '{}',
  constraint stripe_checks_pkey primary key (id),
  constraint stripe_checks_kind_known check (kind in ('poll', 'reconcile'))
);
comment on table app_private.stripe_checks is
  'Each look at Stripe for what its webhooks did not bring: the hourly poll of its events, the '
  'nightly comparison with all its subscriptions. Kept for 90 days.';
comment on column app_private.stripe_checks.finished_at is
  'Null while it runs, and for good when it was cut short: then the next one looks as far back.';
comment on column app_private.stripe_checks.result is
  'What was looked at and what was missing or different, in numbers.';
/* Serves: the last one of a kind that came to its end. */
create index if not exists stripe_checks_finished_idx
  on app_private.stripe_checks (kind, started_at desc) where finished_at is not null;
--! EndIncluded 70_stripe_checks/tables.sql
--! Included 70_stripe_checks/access.sql
revoke all on app_private.stripe_checks
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, update (finished_at, result), delete
  on app_private.stripe_checks to app_worker;
--! EndIncluded 70_stripe_checks/access.sql
--! Included 70_stripe_checks/policies.sql
alter table app_private.stripe_checks enable row level security;
alter table app_private.stripe_checks force row level security;
drop policy if exists all_worker on app_private.stripe_checks;
create policy all_worker on app_private.stripe_checks
  for all to app_worker using (true) with check (true);
--! EndIncluded 70_stripe_checks/policies.sql
--! Included 70_stripe_checks/checks.sql
create or replace function app_private.begin_stripe_check(p_kind text)
  returns table (id uuid, started_at timestamptz, last_started_at timestamptz)
  language plpgsql volatile parallel unsafe
as $$
declare
  v_last timestamptz;
begin
  delete from app_private.stripe_checks
  where stripe_checks.started_at < now() - interval '90 days';

  select max(stripe_checks.started_at) into v_last
  from app_private.stripe_checks
  where stripe_checks.kind = p_kind
  and stripe_checks.finished_at is not null;

  return query
    insert into app_private.stripe_checks (kind)
    values (p_kind)
    returning stripe_checks.id, stripe_checks.started_at, v_last;
end;
$$;
comment on function app_private.begin_stripe_check(text) is
  'Notes that a check begins. last_started_at: when the last one began that came to its end; null '
  'for the first.';

create or replace function app_private.finish_stripe_check(p_id uuid, p_result jsonb)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.stripe_checks set
    finished_at = clock_timestamp(),
    result = p_result
  where stripe_checks.id = p_id;
end;
comment on function app_private.finish_stripe_check(uuid, jsonb) is
  'Notes that a check has seen everything, and what it found.';

revoke all on function
  app_private.begin_stripe_check(text),
  app_private.finish_stripe_check(uuid, jsonb)
  from public;
grant execute on function
  app_private.begin_stripe_check(text),
  app_private.finish_stripe_check(uuid, jsonb)
  to app_worker;
--! EndIncluded 70_stripe_checks/checks.sql
--! Included 70_stripe_checks/poll.sql
create or replace function app_private.unseen_stripe_events(p_ids text[])
  returns setof text
  language sql stable parallel safe
begin atomic
  select ids.id
  from unnest(p_ids) as ids (id)
  where not exists (
    select from app_private.stripe_events where stripe_events.id = ids.id
  );
end;
comment on function app_private.unseen_stripe_events(text[]) is
  'Which of these events the inbox has not got.';
revoke all on function app_private.unseen_stripe_events(text[]) from public;
grant execute on function app_private.unseen_stripe_events(text[]) to app_worker;
--! EndIncluded 70_stripe_checks/poll.sql
--! Included 70_stripe_checks/differences.sql
/*
 * What Stripe lists against our copy. Each function gets a page or the ids of a whole listing and
 * returns the customers to look at again; none writes anything.
 */
create or replace function app_private.customers_with_other_subscriptions(p_subscriptions jsonb)
  returns setof text
  language sql stable parallel safe
begin atomic
  select distinct customers.id
  from jsonb_to_recordset(p_subscriptions) as truth (
    id text,
    customer_id text,
    status text,
    items jsonb,
    trial_end double precision,
    cancel_at double precision,
    ended_at double precision,
    pause_collection text,
    schedule_id text
  )
  join app_private.stripe_customers as customers on customers.id = truth.customer_id
  left join app_private.stripe_subscriptions as known
    on known.tenant_id = customers.tenant_id and known.id = truth.id
  where not customers.is_deleted
  and (
    truth.status, truth.items, to_timestamp(truth.trial_end), to_timestamp(truth.cancel_at),
    to_timestamp(truth.ended_at), truth.pause_collection, truth.schedule_id
  ) is distinct from (
    known.status, known.items, known.trial_end, known.cancel_at,
    known.ended_at, known.pause_collection, known.schedule_id
  );
end;
comment on function app_private.customers_with_other_subscriptions(jsonb) is
  'Our customers of whom one of these subscriptions is unknown or another than our copy. '
  'p_subscriptions: SubscriptionTruth of tasks/stripe_subscription_truth.ts with customer_id.';

create or replace function app_private.customers_with_other_invoices(p_invoices jsonb)
  returns setof text
  language sql stable parallel safe
begin atomic
  select distinct customers.id
  from jsonb_to_recordset(p_invoices) as truth (
    id text,
    customer_id text,
    status text,
    attempt_count integer,
    amount_remaining bigint
  )
  join app_private.stripe_customers as customers on customers.id = truth.customer_id
  left join app_public.invoices as known
    on known.tenant_id = customers.tenant_id and known.id = truth.id
  where not customers.is_deleted
  and (truth.status, truth.attempt_count, truth.amount_remaining)
    is distinct from (known.status, known.attempt_count, known.amount_remaining);
end;
comment on function app_private.customers_with_other_invoices(jsonb) is
  'Our customers of whom one of these invoices is unknown or another than our copy. p_invoices: '
  'InvoiceTruth of tasks/stripe_invoice_truth.ts with customer_id.';

create or replace function app_private.customers_with_more(
  p_customer_ids text[],
  p_subscription_ids text[],
  p_invoice_ids text[],
  p_before timestamptz
)
  returns setof text
  language sql stable parallel safe
begin atomic
  select customers.id
  from app_private.stripe_customers as customers
  where not customers.is_deleted
  and customers.synced_at < p_before
  and not customers.id = any (p_customer_ids)
  union
  select subscriptions.customer_id
  from app_private.stripe_subscriptions as subscriptions
  where subscriptions.status not in ('canceled', 'incomplete_expired')
  and subscriptions.created_at < p_before
  and not subscriptions.id = any (p_subscription_ids)
  union
  select accounts.stripe_customer_id
  from app_public.invoices
  join app_public.billing_accounts as accounts on accounts.tenant_id = invoices.tenant_id
  where invoices.status = 'open'
  and accounts.stripe_customer_id is not null
  and invoices.created_at < p_before
  and not invoices.id = any (p_invoice_ids);
end;
comment on function app_private.customers_with_more(text[], text[], text[], timestamptz) is
  'Our customers of whom we hold as alive what Stripe''s whole lists, begun at p_before, have not: '
  'the customer itself, a subscription, an open invoice.';

create or replace function app_private.repair_customer(p_customer_id text, p_listed_from bigint)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Read again since, or about to be: what was listed is older than what will be. */
  if exists (
    select
    from app_private.stripe_customers
    where stripe_customers.id = p_customer_id
    and stripe_customers.sync_seq > p_listed_from
  ) or exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_customer:' || p_customer_id
    and jobs.attempts < jobs.max_attempts
  ) then
    return false;
  end if;
  perform app_private.request_customer_sync(p_customer_id);
  perform app_private.raise_alarm(
    'billing_drift',
    p_customer_id,
    'Our copy of this customer differed from Stripe though no event was waiting; it is read again'
  );
  return true;
end;
$$;
comment on function app_private.repair_customer(text, bigint) is
  'Books a fresh copy of a customer that differs, and tells the operator; false when the customer '
  'was read after p_listed_from (a number of stripe_sync_seq) or is about to be.';

revoke all on function
  app_private.customers_with_other_subscriptions(jsonb),
  app_private.customers_with_other_invoices(jsonb),
  app_private.customers_with_more(text[], text[], text[], timestamptz),
  app_private.repair_customer(text, bigint)
  from public;
grant execute on function
  app_private.customers_with_other_subscriptions(jsonb),
  app_private.customers_with_other_invoices(jsonb),
  app_private.customers_with_more(text[], text[], text[], timestamptz),
  app_private.repair_customer(text, bigint)
  to app_worker;
--! EndIncluded 70_stripe_checks/differences.sql
--! Included 70_stripe_checks/sweep.sql
create or replace function app_private.resume_provisioning()
  returns integer
  language plpgsql volatile parallel unsafe
as $$
declare
  v_tenant_id uuid;
  v_resumed integer := 0;
begin
  for v_tenant_id in
    select billing_intents.tenant_id
    from app_private.billing_intents
    join app_public.tenants on tenants.id = billing_intents.tenant_id
    where billing_intents.completed_at is null
    and billing_intents.created_at < now() - interval '1 hour'
    and tenants.status <> 'closed'
    and not exists (
      select
      from graphile_worker._private_jobs as jobs
      where jobs.key = 'stripe_provision_tenant:' || billing_intents.tenant_id
      and (jobs.attempts < jobs.max_attempts or jobs.locked_at is not null)
    )
  loop
    perform graphile_worker.add_job(
      'stripe_provision_tenant',
      json_build_object('tenant_id', v_tenant_id),
      job_key => 'stripe_provision_tenant:' || v_tenant_id
    );
    v_resumed := v_resumed + 1;
  end loop;
  return v_resumed;
end;
$$;
comment on function app_private.resume_provisioning() is
  'Books the provisioning of tenants whose wish to subscribe is an hour old and which nobody works '
  'on: its job was lost, dismissed or failed for good. Returns how many.';

create or replace function app_private.stray_customers(p_customers jsonb)
  returns table (customer_id text, tenant_id uuid, intent_id uuid, has_another boolean)
  language sql stable parallel safe
begin atomic
  select candidates.id, intents.tenant_id, intents.id, accounts.stripe_customer_id is not null
  from jsonb_to_recordset(p_customers) as candidates (id text, tenant_id uuid, intent_id uuid)
  join app_private.billing_intents as intents
    on intents.tenant_id = candidates.tenant_id
    and intents.id = candidates.intent_id
  join app_public.billing_accounts as accounts on accounts.tenant_id = intents.tenant_id
  where accounts.stripe_customer_id is distinct from candidates.id
  and not exists (
    select from app_private.stripe_customers where stripe_customers.id = candidates.id
  );
end;
comment on function app_private.stray_customers(jsonb) is
  'Which of these customers at Stripe were made for an intent of ours and are tied to nobody. '
  'p_customers: [{ id, tenant_id, intent_id }], from their metadata. has_another: the tenant has '
  'another customer, so that this one is a loser of a race.';

revoke all on function
  app_private.resume_provisioning(),
  app_private.stray_customers(jsonb)
  from public;
grant execute on function
  app_private.resume_provisioning(),
  app_private.stray_customers(jsonb)
  to app_worker;
--! EndIncluded 70_stripe_checks/sweep.sql
--! Included 70_stripe_checks/request.sql
create or replace function app_private.request_reconciliation()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_reconcile',
    '{}',
    queue_name => 'stripe_reconcile',
    job_key => 'stripe_reconcile'
  );
end;
comment on function app_private.request_reconciliation() is
  'Books a comparison of everything with Stripe, now, beside the nightly one.';
revoke all on function app_private.request_reconciliation() from public;
grant execute on function app_private.request_reconciliation() to app_worker;
--! EndIncluded 70_stripe_checks/request.sql

--! Included 90_example/tables.sql
/* Copy these four files for your first tables, then delete them: docs/extending.md. */
create table if not exists app_public.projects (
  tenant_id  uuid        not null default app_private.current_tenant_id(),
  id         uuid        not null default uuidv7(),
  name       text        not null,
  status     text        not null default 'open',
  created_at timestamptz not null default now(),
  constraint projects_pkey primary key (tenant_id, id),
  constraint projects_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint projects_name_key unique (tenant_id, name),
  constraint projects_name_bounded check (char_length(name) between 1 and 100),
  constraint projects_name_printable check (
    name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  ),
  constraint projects_status_known check (status in ('open', 'closed'))
);
comment on table app_public.projects is 'What a tenant works on.';
comment on column app_public.projects.status is 'open or closed.';
comment on constraint projects_tenant_fkey on app_public.projects is
  E'@fieldName tenant\n@backwardBehavior -*';
/* Serves: the newest projects first. */
create index if not exists projects_created_idx
  on app_public.projects (tenant_id, created_at desc, id);

create table if not exists app_public.tasks (
  tenant_id  uuid        not null default app_private.current_tenant_id(),
  id         uuid        not null default uuidv7(),
  project_id uuid        not null,
  title      text        not null,
  is_done    boolean     not null default false,
  due_on     date,
  created_at timestamptz not null default now(),
  constraint tasks_pkey primary key (tenant_id, id),
  constraint tasks_project_fkey
    foreign key (tenant_id, project_id) references app_public.projects (tenant_id, id)
    on delete cascade,
  constraint tasks_title_bounded check (char_length(title) between 1 and 200),
  constraint tasks_title_printable check (
    title ~ '[^[:space:]]' and title !~ '[[:cntrl:]]'
  )
);
comment on table app_public.tasks is 'What is to be done in a project.';
comment on constraint tasks_project_fkey on app_public.tasks is
  E'@fieldName project\n@foreignFieldName tasks';
/* Serves: a project's tasks in order of creation (and the foreign key). */
create index if not exists tasks_project_idx
  on app_public.tasks (tenant_id, project_id, created_at, id);
--! EndIncluded 90_example/tables.sql
--! Included 90_example/access.sql
revoke all on app_public.projects, app_public.tasks from public, app_user, app_anonymous;
/* tenant_id is in no list: it is what the transaction says, at birth and for ever. */
grant
  select, delete,
  insert (name, status),
  update (name, status)
  on app_public.projects to app_user;
grant
  select, delete,
  insert (project_id, title, is_done, due_on),
  update (project_id, title, is_done, due_on)
  on app_public.tasks to app_user;
--! EndIncluded 90_example/access.sql
--! Included 90_example/policies.sql
alter table app_public.projects enable row level security;
alter table app_public.projects force row level security;
drop policy if exists select_tenant on app_public.projects;
create policy select_tenant on app_public.projects
  for select to app_user
  using (tenant_id = app_private.current_tenant_id());
drop policy if exists insert_tenant on app_public.projects;
create policy insert_tenant on app_public.projects
  for insert to app_user
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists update_tenant on app_public.projects;
create policy update_tenant on app_public.projects
  for update to app_user
  using      (tenant_id = app_private.writable_tenant_id())
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists delete_tenant on app_public.projects;
create policy delete_tenant on app_public.projects
  for delete to app_user
  using (tenant_id = app_private.writable_tenant_id());

alter table app_public.tasks enable row level security;
alter table app_public.tasks force row level security;
drop policy if exists select_tenant on app_public.tasks;
create policy select_tenant on app_public.tasks
  for select to app_user
  using (tenant_id = app_private.current_tenant_id());
drop policy if exists insert_tenant on app_public.tasks;
create policy insert_tenant on app_public.tasks
  for insert to app_user
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists update_tenant on app_public.tasks;
create policy update_tenant on app_public.tasks
  for update to app_user
  using      (tenant_id = app_private.writable_tenant_id())
  with check (tenant_id = app_private.writable_tenant_id());
drop policy if exists delete_tenant on app_public.tasks;
create policy delete_tenant on app_public.tasks
  for delete to app_user
  using (tenant_id = app_private.writable_tenant_id());
--! EndIncluded 90_example/policies.sql
--! Included 90_example/triggers.sql
create or replace trigger _900_audit
  after insert or update or delete on app_public.projects
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.tasks
  for each row execute function app_private.tg__audit();
--! EndIncluded 90_example/triggers.sql
--! EndIncluded index.sql
