create or replace function app_private.request_reconciliation()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_reconcile',
    '{}',
    queue_name => 'stripe_reconcile',
    job_key => 'stripe_reconcile'
  );
end;
comment on function app_private.request_reconciliation() is
  'Books a comparison of everything with Stripe, now, beside the nightly one.';
revoke all on function app_private.request_reconciliation() from public;
grant execute on function app_private.request_reconciliation() to app_worker;
