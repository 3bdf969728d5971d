alter table app_public.billing_requests enable row level security;
alter table app_public.billing_requests force row level security;
/* Also while the tenant is suspended: it must be able to pay. */
drop policy if exists select_manager on app_public.billing_requests;
create policy select_manager on app_public.billing_requests
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists select_definer on app_public.billing_requests;
create policy select_definer on app_public.billing_requests
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists insert_definer on app_public.billing_requests;
create policy insert_definer on app_public.billing_requests
  for insert to app_definer with check (tenant_id = app_private.member_tenant_id());
drop policy if exists update_definer on app_public.billing_requests;
create policy update_definer on app_public.billing_requests
  for update to app_definer
  using      (tenant_id = app_private.member_tenant_id())
  with check (tenant_id = app_private.member_tenant_id());
drop policy if exists delete_definer on app_public.billing_requests;
create policy delete_definer on app_public.billing_requests
  for delete to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists select_worker on app_public.billing_requests;
create policy select_worker on app_public.billing_requests
  for select to app_worker using (true);
drop policy if exists update_worker on app_public.billing_requests;
create policy update_worker on app_public.billing_requests
  for update to app_worker using (true) with check (true);

drop policy if exists select_definer on app_public.billing_accounts;
create policy select_definer on app_public.billing_accounts
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists select_definer on app_private.stripe_subscriptions;
create policy select_definer on app_private.stripe_subscriptions
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
