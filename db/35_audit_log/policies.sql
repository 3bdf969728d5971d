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
