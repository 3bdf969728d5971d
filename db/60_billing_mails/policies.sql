alter table app_private.billing_mails enable row level security;
alter table app_private.billing_mails force row level security;
drop policy if exists select_worker on app_private.billing_mails;
create policy select_worker on app_private.billing_mails
  for select to app_worker using (true);
drop policy if exists insert_worker on app_private.billing_mails;
create policy insert_worker on app_private.billing_mails
  for insert to app_worker with check (true);
drop policy if exists update_worker on app_private.billing_mails;
create policy update_worker on app_private.billing_mails
  for update to app_worker using (true) with check (true);

alter table app_private.billing_mail_deliveries enable row level security;
alter table app_private.billing_mail_deliveries force row level security;
drop policy if exists select_worker on app_private.billing_mail_deliveries;
create policy select_worker on app_private.billing_mail_deliveries
  for select to app_worker using (true);
drop policy if exists insert_worker on app_private.billing_mail_deliveries;
create policy insert_worker on app_private.billing_mail_deliveries
  for insert to app_worker with check (true);
