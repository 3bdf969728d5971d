revoke all on app_public.billing_accounts
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select (tenant_id, stripe_customer_id, stripe_subscription_id, client_secret, created_at)
  on app_public.billing_accounts to app_user;
grant insert on app_public.billing_accounts to app_definer;
grant select, update (stripe_customer_id, stripe_subscription_id, client_secret)
  on app_public.billing_accounts to app_worker;

revoke all
  on app_private.billing_intents, app_private.stripe_events,
    app_private.stripe_customers, app_private.stripe_subscriptions
  from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert on app_private.billing_intents to app_definer;
grant
  select, insert,
  update (
    stripe_price_id, stripe_subscription_id, first_attempt_at,
    is_in_doubt, key_generation, completed_at, failed_at, failure
  )
  on app_private.billing_intents to app_worker;

grant select, insert on app_private.stripe_events to app_definer;
grant select, delete, update (status, reason, customer_id, processed_at)
  on app_private.stripe_events to app_worker;

grant select, insert, update (is_deleted, sync_seq, synced_at, active_entitlements)
  on app_private.stripe_customers to app_worker;
grant select, insert, update, delete on app_private.stripe_subscriptions to app_worker;

revoke all on sequence app_private.stripe_sync_seq from public, app_worker, app_definer;
grant usage on sequence app_private.stripe_sync_seq to app_worker, app_definer;
