alter table app_private.billing_mails enable row level security;
alter table app_private.billing_mails force row level security;
drop policy if exists all_worker on app_private.billing_mails;
create policy all_worker on app_private.billing_mails
  for all to app_worker using (true) with check (true);

alter table app_private.billing_mail_deliveries enable row level security;
alter table app_private.billing_mail_deliveries force row level security;
drop policy if exists all_worker on app_private.billing_mail_deliveries;
create policy all_worker on app_private.billing_mail_deliveries
  for all to app_worker using (true) with check (true);
