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
drop policy if exists update_worker on app_public.tenants;
create policy update_worker on app_public.tenants
  for update to app_worker using (true) with check (true);

alter table app_public.memberships enable row level security;
alter table app_public.memberships force row level security;
drop policy if exists select_member on app_public.memberships;
create policy select_member on app_public.memberships
  for select to app_user using (tenant_id = app_private.member_tenant_id());
drop policy if exists select_definer on app_public.memberships;
create policy select_definer on app_public.memberships
  for select to app_definer using (true);
drop policy if exists insert_definer on app_public.memberships;
create policy insert_definer on app_public.memberships
  for insert to app_definer with check (true);
