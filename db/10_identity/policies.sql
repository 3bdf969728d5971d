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
