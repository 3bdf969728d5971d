revoke all on app_public.billing_requests
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Not what means nothing to anybody but the task. */
grant
  select (
    tenant_id, id, kind, status, requested_by, api_key_id, plan, "interval", flow, at_period_end,
    preview_id, success_url, cancel_url, return_url, prorated_at, url, expires_at, total,
    amount_due, currency, lines, client_secret, error_code, error_message, created_at, finished_at
  )
  on app_public.billing_requests to app_user;
/* The functions that ask, and put away what is old. */
grant
  select, insert, delete,
  update (status, error_code, error_message, client_secret, finished_at)
  on app_public.billing_requests to app_definer;
/* The task that answers. */
grant
  select,
  update (
    status, success_url, cancel_url, return_url, prorated_at, url, expires_at, total, amount_due,
    currency, lines, client_secret, error_code, error_message, finished_at, key_generation,
    stripe_subscription_id
  )
  on app_public.billing_requests to app_worker;

/* Whether there is a customer, and what it has subscribed to, decides what may be asked. */
grant select (tenant_id, stripe_customer_id, stripe_subscription_id)
  on app_public.billing_accounts to app_definer;
grant select (tenant_id, status) on app_private.stripe_subscriptions to app_definer;
