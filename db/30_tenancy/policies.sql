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
