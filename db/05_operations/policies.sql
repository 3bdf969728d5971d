alter table app_private.alarms enable row level security;
alter table app_private.alarms force row level security;
drop policy if exists all_system on app_private.alarms;
create policy all_system on app_private.alarms
  for all to app_worker, app_definer using (true) with check (true);
