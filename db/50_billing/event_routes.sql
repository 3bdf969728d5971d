create or replace function app_private.stripe_event_routes()
  returns table (type text, target text, alarm text)
  language sql immutable parallel safe
begin atomic
  values
    ('customer.updated', 'customer', null),
    ('customer.deleted', 'customer', null),
    ('customer.subscription.created', 'customer', null),
    ('customer.subscription.updated', 'customer', null),
    ('customer.subscription.deleted', 'customer', null),
    ('customer.subscription.paused', 'customer', null),
    ('customer.subscription.resumed', 'customer', null),
    ('customer.subscription.pending_update_applied', 'customer', null),
    ('customer.subscription.pending_update_expired', 'customer', null),
    ('customer.subscription.trial_will_end', 'customer', null),
    /* These nine come as thin events only. */
    ('customer.subscription.active', 'customer', null),
    ('customer.subscription.cancel_at_changed', 'customer', null),
    ('customer.subscription.incomplete', 'customer', null),
    ('customer.subscription.incomplete_expired', 'customer', null),
    ('customer.subscription.item_price_changed', 'customer', null),
    ('customer.subscription.item_quantity_changed', 'customer', null),
    ('customer.subscription.past_due', 'customer', null),
    ('customer.subscription.trialing', 'customer', null),
    ('customer.subscription.unpaid', 'customer', null),
    ('subscription_schedule.updated', 'customer', null),
    ('subscription_schedule.released', 'customer', null),
    ('subscription_schedule.canceled', 'customer', null),
    ('subscription_schedule.completed', 'customer', null),
    ('subscription_schedule.aborted', 'customer', null),
    ('invoice.paid', 'customer', null),
    ('invoice.payment_succeeded', 'customer', null),
    ('invoice.payment_failed', 'customer', null),
    ('invoice.payment_action_required', 'customer', null),
    ('invoice.payment_attempt_required', 'customer', null),
    ('invoice.finalized', 'customer', null),
    ('invoice.finalization_failed', 'customer', null),
    ('invoice.voided', 'customer', null),
    ('invoice.marked_uncollectible', 'customer', null),
    ('invoice.overdue', 'customer', null),
    ('invoice.updated', 'customer', null),
    ('invoice.upcoming', 'customer', null),
    ('checkout.session.completed', 'customer', null),
    ('checkout.session.async_payment_succeeded', 'customer', null),
    ('checkout.session.async_payment_failed', 'customer', null),
    ('checkout.session.expired', 'customer', null),
    ('entitlements.active_entitlement_summary.updated', 'customer', null),
    /* Thin only. */
    ('entitlements.active_entitlement_summary.entitlement_added', 'customer', null),
    ('entitlements.active_entitlement_summary.entitlement_removed', 'customer', null),
    ('payment_method.attached', 'customer', null),
    ('payment_method.detached', 'customer', null),
    ('payment_method.automatically_updated', 'customer', null),
    ('setup_intent.succeeded', 'customer', null),
    ('charge.refunded', 'customer', null),
    ('refund.failed', 'customer', null),
    ('charge.dispute.created', 'customer', 'payment_disputed'),
    ('charge.dispute.updated', 'customer', null),
    ('charge.dispute.closed', 'customer', null),
    ('charge.dispute.funds_withdrawn', 'customer', null),
    ('charge.dispute.funds_reinstated', 'customer', null),
    ('radar.early_fraud_warning.created', 'customer', 'payment_disputed'),
    ('product.created', 'catalog', null),
    ('product.updated', 'catalog', null),
    ('product.deleted', 'catalog', null),
    ('price.created', 'catalog', null),
    ('price.updated', 'catalog', null),
    ('price.deleted', 'catalog', null),
    ('coupon.created', 'catalog', null),
    ('coupon.updated', 'catalog', null),
    ('coupon.deleted', 'catalog', null),
    ('promotion_code.created', 'catalog', null),
    ('promotion_code.updated', 'catalog', null),
    /* Thin only: usage that was reported and not counted. */
    ('billing.meter.error_report_triggered', 'operator', 'usage_rejected'),
    ('billing.meter.no_meter_found', 'operator', 'usage_rejected');
end;
comment on function app_private.stripe_event_routes() is
  'What is done about each type of event; a type that is not here is kept and ignored. target: '
  'customer (a fresh copy of the customer it is about), catalog (of products and prices) or operator '
  '(nothing but the alarm). alarm: the kind of alarm that is raised besides.';

create or replace function app_private.request_customer_sync(
  p_customer_id text,
  p_run_at timestamptz default null
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * One queue and one key a customer: bursts fold into one sync, and an event that comes while one
   * runs gets another after it. One that may wait puts off none that may not.
   */
  select graphile_worker.add_job(
    'stripe_sync_customer',
    json_build_object('customer_id', p_customer_id),
    queue_name => 'stripe_customer:' || p_customer_id,
    run_at => p_run_at,
    job_key => 'stripe_customer:' || p_customer_id,
    job_key_mode => case when p_run_at is null then 'replace' else 'preserve_run_at' end
  );
end;
comment on function app_private.request_customer_sync(text, timestamptz) is
  'Books a fresh copy of a customer''s subscriptions from Stripe, at once or for later.';

create or replace function app_private.request_catalog_sync()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select graphile_worker.add_job(
    'stripe_sync_catalog',
    json_build_object(),
    job_key => 'stripe_sync_catalog'
  );
end;
comment on function app_private.request_catalog_sync() is
  'Books a fresh copy of the products and prices at Stripe; a burst of changes is one.';

revoke all on function
  app_private.stripe_event_routes(),
  app_private.request_customer_sync(text, timestamptz),
  app_private.request_catalog_sync()
  from public;
grant execute on function app_private.stripe_event_routes() to app_definer, app_worker;
grant execute on function
  app_private.request_customer_sync(text, timestamptz),
  app_private.request_catalog_sync()
  to app_worker;
