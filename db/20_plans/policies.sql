alter table app_public.plans enable row level security;
alter table app_public.plans force row level security;
drop policy if exists select_everyone on app_public.plans;
create policy select_everyone on app_public.plans
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.features enable row level security;
alter table app_public.features force row level security;
drop policy if exists select_everyone on app_public.features;
create policy select_everyone on app_public.features
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.plan_features enable row level security;
alter table app_public.plan_features force row level security;
drop policy if exists select_everyone on app_public.plan_features;
create policy select_everyone on app_public.plan_features
  for select to app_user, app_anonymous, app_worker, app_definer using (true);

alter table app_public.plan_prices enable row level security;
alter table app_public.plan_prices force row level security;
drop policy if exists select_everyone on app_public.plan_prices;
create policy select_everyone on app_public.plan_prices
  for select to app_user, app_anonymous, app_worker, app_definer using (true);
drop policy if exists update_worker on app_public.plan_prices;
create policy update_worker on app_public.plan_prices
  for update to app_worker using (true) with check (true);

alter table app_private.stripe_prices enable row level security;
alter table app_private.stripe_prices force row level security;
drop policy if exists all_worker on app_private.stripe_prices;
create policy all_worker on app_private.stripe_prices
  for all to app_worker using (true) with check (true);
