alter table app_private.stripe_checks enable row level security;
alter table app_private.stripe_checks force row level security;
drop policy if exists all_worker on app_private.stripe_checks;
create policy all_worker on app_private.stripe_checks
  for all to app_worker using (true) with check (true);
