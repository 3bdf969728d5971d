alter table app_public.billing_accounts enable row level security;
alter table app_public.billing_accounts force row level security;
drop policy if exists select_manager on app_public.billing_accounts;
create policy select_manager on app_public.billing_accounts
  for select to app_user
  using (
    tenant_id = app_private.member_tenant_id() and app_private.has_permission('billing.manage')
  );
drop policy if exists insert_definer on app_public.billing_accounts;
create policy insert_definer on app_public.billing_accounts
  for insert to app_definer with check (true);
/* Requests (55_billing_requests) ask by definer functions whether there is anything to change. */
drop policy if exists select_definer on app_public.billing_accounts;
create policy select_definer on app_public.billing_accounts
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists select_worker on app_public.billing_accounts;
create policy select_worker on app_public.billing_accounts
  for select to app_worker using (true);
drop policy if exists update_worker on app_public.billing_accounts;
create policy update_worker on app_public.billing_accounts
  for update to app_worker using (true) with check (true);

alter table app_private.billing_intents enable row level security;
alter table app_private.billing_intents force row level security;
drop policy if exists insert_definer on app_private.billing_intents;
create policy insert_definer on app_private.billing_intents
  for insert to app_definer with check (true);
drop policy if exists select_definer on app_private.billing_intents;
create policy select_definer on app_private.billing_intents
  for select to app_definer using (true);
drop policy if exists select_worker on app_private.billing_intents;
create policy select_worker on app_private.billing_intents
  for select to app_worker using (true);
drop policy if exists insert_worker on app_private.billing_intents;
create policy insert_worker on app_private.billing_intents
  for insert to app_worker with check (true);
drop policy if exists update_worker on app_private.billing_intents;
create policy update_worker on app_private.billing_intents
  for update to app_worker using (true) with check (true);

alter table app_private.stripe_events enable row level security;
alter table app_private.stripe_events force row level security;
drop policy if exists select_system on app_private.stripe_events;
create policy select_system on app_private.stripe_events
  for select to app_definer, app_worker using (true);
drop policy if exists insert_definer on app_private.stripe_events;
create policy insert_definer on app_private.stripe_events
  for insert to app_definer with check (true);
drop policy if exists update_worker on app_private.stripe_events;
create policy update_worker on app_private.stripe_events
  for update to app_worker using (true) with check (true);
drop policy if exists delete_worker on app_private.stripe_events;
create policy delete_worker on app_private.stripe_events
  for delete to app_worker using (true);

alter table app_private.stripe_customers enable row level security;
alter table app_private.stripe_customers force row level security;
drop policy if exists all_worker on app_private.stripe_customers;
create policy all_worker on app_private.stripe_customers
  for all to app_worker using (true) with check (true);

alter table app_private.stripe_subscriptions enable row level security;
alter table app_private.stripe_subscriptions force row level security;
drop policy if exists select_definer on app_private.stripe_subscriptions;
create policy select_definer on app_private.stripe_subscriptions
  for select to app_definer using (tenant_id = app_private.member_tenant_id());
drop policy if exists all_worker on app_private.stripe_subscriptions;
create policy all_worker on app_private.stripe_subscriptions
  for all to app_worker using (true) with check (true);
