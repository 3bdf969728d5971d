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
