create or replace function app_private.put_away_billing_requests()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Nobody waits any more; its job would find it so, but may itself be held up. */
  perform app_private.end_billing_request_if_late(billing_requests)
  from app_public.billing_requests
  where billing_requests.tenant_id = app_private.member_tenant_id()
  and billing_requests.status = 'pending'
  order by billing_requests.id;

  delete from app_public.billing_requests
  where billing_requests.tenant_id = app_private.member_tenant_id()
  and billing_requests.finished_at < now() - interval '90 days';
end;
$$;
comment on function app_private.put_away_billing_requests() is
  'Ends the tenant''s requests that are late, and deletes those done with for 90 days.';

create or replace function app_private.asks_the_same(
  p_wanted app_public.billing_requests,
  p_open app_public.billing_requests
)
  returns boolean
  language sql stable parallel safe
/* What was left out has a default, which the task may have filled in meanwhile. */
return (
    p_wanted.kind, p_wanted.plan, p_wanted."interval", p_wanted.flow, p_wanted.at_period_end,
    p_wanted.preview_id
  ) is not distinct from (
    p_open.kind, p_open.plan, p_open."interval", p_open.flow, p_open.at_period_end,
    p_open.preview_id
  )
  and coalesce(p_wanted.success_url, p_open.success_url) is not distinct from p_open.success_url
  and coalesce(p_wanted.cancel_url, p_open.cancel_url) is not distinct from p_open.cancel_url
  and coalesce(p_wanted.return_url, p_open.return_url) is not distinct from p_open.return_url
  and coalesce(p_wanted.stripe_subscription_id, p_open.stripe_subscription_id)
    is not distinct from p_open.stripe_subscription_id;
comment on function app_private.asks_the_same(
  app_public.billing_requests, app_public.billing_requests
) is 'Whether an open request will do for what is wanted.';

create or replace function app_private.subscription_to_mean()
  returns text
  language sql stable parallel safe
begin atomic
  select billing_accounts.stripe_subscription_id
  from app_public.billing_accounts
  where billing_accounts.tenant_id = app_private.member_tenant_id();
end;
comment on function app_private.subscription_to_mean() is
  'The subscription that whoever asks now looks at: what is done about it later is done to this one.';

create or replace function app_private.refuse_beside_open_request(
  p_open app_public.billing_requests
)
  returns void
  language plpgsql immutable parallel safe
as $$
begin
  raise exception '%', case p_open.kind
      when 'checkout' then 'A checkout is being prepared'
      when 'portal' then 'Another page of the billing portal is being prepared'
      when 'preview' then 'Another preview is being worked on'
      when 'change' then 'A change of the plan is being worked on'
      when 'cancel' then 'A cancellation is being worked on'
      when 'resume' then 'A resumption is being worked on'
      else 'Another request is being worked on'
    end
    using errcode = 'CNFLT',
          detail  = json_build_object('billingRequestId', p_open.id, 'kind', p_open.kind)::text,
          hint    = 'Try again when it is settled. The query "billingRequest" tells.';
end;
$$;
comment on function app_private.refuse_beside_open_request(app_public.billing_requests) is
  'Raises CNFLT, naming the request that must come to an end first.';

/*
 * At most one request that changes the subscription is open in a tenant, and one of each other kind:
 * the unique index decides the race, and whoever comes second gets the first one's, if it asks for
 * the same. Nothing else keeps their order: one that Stripe did not answer is tried again later, and
 * its queue goes on without it; a cancellation would undo the resumption that was asked for after it.
 */
create or replace function app_private.book_billing_request(p_wanted app_public.billing_requests)
  returns app_public.billing_requests
  language plpgsql volatile parallel unsafe
as $$
declare
  v_limit constant integer := 100;
  v_tenant_id uuid := app_private.member_tenant_id();
  v_request app_public.billing_requests;
  v_open app_public.billing_requests;
begin
  if p_wanted.kind = 'checkout' then
    perform app_private.lock_offers(v_tenant_id);
  else
    p_wanted.stripe_subscription_id := app_private.subscription_to_mean();
  end if;
  perform app_private.put_away_billing_requests();
  if v_limit <= (
    select count(*)
    from app_public.billing_requests
    where billing_requests.tenant_id = v_tenant_id
    and billing_requests.created_at > now() - interval '1 hour'
  ) then
    raise exception 'Too many billing requests within an hour'
      using errcode = 'RATED',
            hint    = 'Try again later.';
  end if;

  /* Twice, because the open request may end between the two statements. */
  for v_try in 1..2 loop
    insert into app_public.billing_requests (
      tenant_id, kind, requested_by, api_key_id, plan, "interval", flow, at_period_end, preview_id,
      success_url, cancel_url, return_url, prorated_at, stripe_subscription_id, seats
    )
    values (
      v_tenant_id,
      p_wanted.kind,
      nullif(current_setting('app.current_user_id', true), '')::uuid,
      nullif(current_setting('app.api_key_id', true), '')::uuid,
      p_wanted.plan, p_wanted."interval", p_wanted.flow, p_wanted.at_period_end,
      p_wanted.preview_id, p_wanted.success_url, p_wanted.cancel_url, p_wanted.return_url,
      p_wanted.prorated_at, p_wanted.stripe_subscription_id,
      coalesce(
        p_wanted.seats,
        (
          select greatest(count(*), 1)
          from app_public.memberships
          where memberships.tenant_id = v_tenant_id
        )
      )
    )
    on conflict (tenant_id, turn) where status = 'pending' do nothing
    returning billing_requests.* into v_request;
    exit when found;

    select billing_requests.* into v_open
    from app_public.billing_requests
    where billing_requests.tenant_id = v_tenant_id
    and billing_requests.turn = app_private.billing_turn(p_wanted.kind)
    and billing_requests.status = 'pending';
    if found and not app_private.asks_the_same(p_wanted, v_open) then
      exit;
    elsif found then
      return v_open;
    end if;
  end loop;
  if v_request.id is null then
    perform app_private.refuse_beside_open_request(v_open);
  end if;

  /* In the customer's queue, so that it and the customer's sync come one after the other. */
  perform graphile_worker.add_job(
    'run_billing_request',
    json_build_object('tenant_id', v_tenant_id, 'request_id', v_request.id),
    queue_name => coalesce(
      (
        select 'stripe_customer:' || billing_accounts.stripe_customer_id
        from app_public.billing_accounts
        where billing_accounts.tenant_id = v_tenant_id
      ),
      'billing_request:' || v_tenant_id
    ),
    job_key => 'billing_request:' || v_request.id
  );
  perform app_private.notify_tenant(v_tenant_id, 'billing_request', v_request.id);
  return v_request;
end;
$$;
comment on function app_private.book_billing_request(app_public.billing_requests) is
  'Books what is wanted of Stripe for the tenant entered, and the job that asks for it; or returns '
  'the open request for the same. Raises CNFLT when one that must come first is open, RATED.';

revoke all on function
  app_private.put_away_billing_requests(),
  app_private.asks_the_same(app_public.billing_requests, app_public.billing_requests),
  app_private.subscription_to_mean(),
  app_private.refuse_beside_open_request(app_public.billing_requests),
  app_private.book_billing_request(app_public.billing_requests)
  from public;
grant execute on function
  app_private.put_away_billing_requests(),
  app_private.asks_the_same(app_public.billing_requests, app_public.billing_requests),
  app_private.subscription_to_mean(),
  app_private.refuse_beside_open_request(app_public.billing_requests),
  app_private.book_billing_request(app_public.billing_requests)
  to app_definer;
