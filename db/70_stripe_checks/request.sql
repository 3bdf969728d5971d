create or replace function app_private.request_poll()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_poll_events',
    '{}',
    queue_name => 'stripe_poll_events',
    job_key => 'stripe_poll_events'
  );
end;
comment on function app_private.request_poll() is
  'Books a poll of Stripe''s events, now, beside the hourly one.';

create or replace function app_private.request_reconcile()
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
comment on function app_private.request_reconcile() is
  'Books a comparison of everything with Stripe, now, beside the nightly one.';

revoke all on function app_private.request_poll(), app_private.request_reconcile() from public;
grant execute on function app_private.request_poll(), app_private.request_reconcile()
  to app_worker;
