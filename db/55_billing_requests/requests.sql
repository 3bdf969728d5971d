/*
 * What may be asked of Stripe. The functions are security definer: nobody writes requests, and what
 * the tenant has at Stripe is not for everyone to read. Each works in the tenant entered only, also
 * while it is suspended, for whoever may manage its billing. None speaks to Stripe: a task does, and
 * its answer stands in the request (server/graphile_billing.ts waits for it).
 */
create or replace function app_public.create_checkout_session(
  plan text,
  "interval" text default 'month',
  success_url text default null,
  cancel_url text default null
)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'checkout';
  v_wanted.plan := create_checkout_session.plan;
  v_wanted."interval" := coalesce(create_checkout_session."interval", 'month');
  v_wanted.success_url := app_private.check_return_url(
    'successUrl', create_checkout_session.success_url
  );
  v_wanted.cancel_url := app_private.check_return_url(
    'cancelUrl', create_checkout_session.cancel_url
  );
  perform app_private.require_price(v_wanted.plan, v_wanted."interval");
  perform app_private.refuse_second_subscription();
  perform app_private.require_room_in(v_wanted.plan);
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.create_checkout_session(text, text, text, text) is
  'Asks for a page of Stripe''s on which to subscribe: billingRequest.url. For a tenant that has no '
  'subscription, or none any more. Asked again, it answers with the page that is still open. What '
  'comes of it is told by currentTenant, not by the address that people come back to. Needs '
  'billing.manage. Errors: CONFLICT, LIMIT_EXCEEDED, BAD_USER_INPUT, BILLING_UNAVAILABLE.';
alter function app_public.create_checkout_session(text, text, text, text) owner to app_definer;
revoke all on function app_public.create_checkout_session(text, text, text, text) from public;
grant execute on function app_public.create_checkout_session(text, text, text, text) to app_user;

create or replace function app_public.create_billing_portal_session(
  return_url text default null,
  flow text default null
)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'portal';
  v_wanted.return_url := app_private.check_return_url(
    'returnUrl', create_billing_portal_session.return_url
  );
  v_wanted.flow := create_billing_portal_session.flow;
  if v_wanted.flow not in ('payment_method_update', 'subscription_cancel', 'subscription_update')
  then
    raise exception '"flow" must be payment_method_update, subscription_cancel or '
      'subscription_update'
      using errcode = 'INPUT';
  end if;
  if v_wanted.flow in ('subscription_cancel', 'subscription_update') then
    perform app_private.require_subscription(array['trialing', 'active', 'past_due', 'paused']);
  end if;
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.create_billing_portal_session(text, text) is
  'Asks for a page of Stripe''s on which to manage cards, invoices and the subscription: '
  'billingRequest.url, good for a few minutes. flow opens it at one thing: payment_method_update, '
  'subscription_cancel or subscription_update. Needs billing.manage. Errors: CONFLICT, '
  'BAD_USER_INPUT, BILLING_UNAVAILABLE.';
alter function app_public.create_billing_portal_session(text, text) owner to app_definer;
revoke all on function app_public.create_billing_portal_session(text, text) from public;
grant execute on function app_public.create_billing_portal_session(text, text) to app_user;

create or replace function app_public.preview_plan_change(plan text, "interval" text default null)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'preview';
  v_wanted.plan := preview_plan_change.plan;
  v_wanted."interval" := preview_plan_change."interval";
  v_wanted.prorated_at := date_trunc('second', now());
  perform app_private.require_price(v_wanted.plan, v_wanted."interval");
  perform app_private.require_subscription(array['trialing', 'active']);
  perform app_private.require_room_in(v_wanted.plan);
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.preview_plan_change(text, text) is
  'Asks what changing to a plan would cost now: billingRequest.total, amountDue, lines. Within an '
  'hour, changePlan with its rowId as previewId charges exactly that. interval null keeps the one '
  'there is. Needs billing.manage. Errors: as changePlan.';
alter function app_public.preview_plan_change(text, text) owner to app_definer;
revoke all on function app_public.preview_plan_change(text, text) from public;
grant execute on function app_public.preview_plan_change(text, text) to app_user;

create or replace function app_public.change_plan(
  plan text,
  "interval" text default null,
  preview_id uuid default null
)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'change';
  v_wanted.plan := change_plan.plan;
  v_wanted."interval" := change_plan."interval";
  v_wanted.preview_id := change_plan.preview_id;
  v_wanted.prorated_at := date_trunc('second', now());
  perform app_private.require_price(v_wanted.plan, v_wanted."interval");
  if v_wanted.preview_id is not null then
    /* Any other time would let a plan be had for less: at a period's end it costs nothing. */
    select billing_requests.prorated_at, billing_requests.seats
    into v_wanted.prorated_at, v_wanted.seats
    from app_public.billing_requests
    where billing_requests.tenant_id = app_private.member_tenant_id()
    and billing_requests.id = v_wanted.preview_id
    and billing_requests.kind = 'preview'
    and billing_requests.status = 'done'
    and billing_requests.plan = v_wanted.plan
    and billing_requests."interval" is not distinct from v_wanted."interval"
    and billing_requests.stripe_subscription_id
      is not distinct from app_private.subscription_to_mean()
    and billing_requests.created_at > now() - interval '1 hour';
    if not found then
      raise exception 'There is no such preview of this plan, or it is older than an hour'
        using errcode = 'INPUT',
              hint    = 'Ask again what it would cost: previewPlanChange.';
    end if;
  end if;
  perform app_private.require_subscription(array['trialing', 'active']);
  perform app_private.require_room_in(v_wanted.plan);
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.change_plan(text, text, uuid) is
  'Changes the plan at once; the difference for the rest of the period is charged, or credited, at '
  'once. If billingRequest.clientSecret is set, the change waits for that payment to be confirmed. '
  'interval null keeps the one there is. Needs billing.manage. Errors: CONFLICT without a '
  'subscription or while something is owed, LIMIT_EXCEEDED { feature, limit, used, exceeded } when '
  'the plan is too small, BAD_USER_INPUT, BILLING_UNAVAILABLE.';
alter function app_public.change_plan(text, text, uuid) owner to app_definer;
revoke all on function app_public.change_plan(text, text, uuid) from public;
grant execute on function app_public.change_plan(text, text, uuid) to app_user;

create or replace function app_public.cancel_subscription(at_period_end boolean default true)
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'cancel';
  v_wanted.at_period_end := coalesce(cancel_subscription.at_period_end, true);
  perform app_private.require_subscription(
    array['incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused']
  );
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.cancel_subscription(boolean) is
  'Ends the subscription when what is paid for is used up; with atPeriodEnd false at once, and then '
  'nothing is paid back. Needs billing.manage. Errors: CONFLICT without a subscription, '
  'BILLING_UNAVAILABLE.';
alter function app_public.cancel_subscription(boolean) owner to app_definer;
revoke all on function app_public.cancel_subscription(boolean) from public;
grant execute on function app_public.cancel_subscription(boolean) to app_user;

create or replace function app_public.resume_subscription()
  returns app_public.billing_requests
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted app_public.billing_requests;
begin
  perform app_private.begin_billing();
  v_wanted.kind := 'resume';
  perform app_private.require_subscription(
    array['trialing', 'active', 'past_due', 'unpaid', 'paused']
  );
  return app_private.book_billing_request(v_wanted);
end;
$$;
comment on function app_public.resume_subscription() is
  'Takes back a cancellation that has not taken effect yet, or ends a pause. Needs billing.manage. '
  'Errors: CONFLICT without a subscription, BILLING_UNAVAILABLE.';
alter function app_public.resume_subscription() owner to app_definer;
revoke all on function app_public.resume_subscription() from public;
grant execute on function app_public.resume_subscription() to app_user;
