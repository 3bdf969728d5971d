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
