revoke all on app_private.billing_mails, app_private.billing_mail_deliveries
  from public, app_user, app_anonymous, app_worker, app_definer;
/* Whoever writes what Stripe says books, and that is the worker alone. */
grant
  select,
  insert (tenant_id, kind, about, occasion),
  update (status, settled_at)
  on app_private.billing_mails to app_worker;
grant
  select,
  insert (tenant_id, mail_id, user_id, outcome)
  on app_private.billing_mail_deliveries to app_worker;
