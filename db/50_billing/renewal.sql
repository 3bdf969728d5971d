/* security definer: who belongs to a tenant is nothing a task may read; it needs the address only. */
create or replace function app_private.address_of_owner(p_tenant_id uuid)
  returns text
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.email
  from app_public.memberships
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = p_tenant_id
  and memberships.role = 'owner'
  order by memberships.created_at, memberships.user_id
  limit 1;
end;
comment on function app_private.address_of_owner(uuid) is
  'Where to reach who has owned the tenant for longest; null when nobody owns it.';
alter function app_private.address_of_owner(uuid) owner to app_definer;
revoke all on function app_private.address_of_owner(uuid) from public;
grant execute on function app_private.address_of_owner(uuid) to app_worker;

/*
 * Whoever asks for a page to subscribe on has what was wished for before it finished first, and so
 * must see it: of a wish and a page that are asked for at once, one comes second and knows the other.
 */
create or replace function app_private.lock_offers(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select pg_advisory_xact_lock(hashtextextended('offers:' || p_tenant_id, 0));
end;
comment on function app_private.lock_offers(uuid) is
  'Has whatever is to be sold to a tenant asked for one after the other, until the transaction ends.';
revoke all on function app_private.lock_offers(uuid) from public;
grant execute on function app_private.lock_offers(uuid) to app_worker, app_definer;

/*
 * An intent's words are frozen, and Stripe answers the same words under the same keys with what it
 * answered before: a refusal too. Whoever wants to try again needs another intent.
 */
create or replace function app_private.renew_billing_intent(
  p_tenant_id uuid,
  p_price_lookup_key text default null
)
  returns uuid
  language plpgsql volatile parallel unsafe
as $$
declare
  v_intent_id uuid;
begin
  /* Against renewals that race; there is nothing to insert twice for a tenant that has no intent. */
  perform app_private.lock_offers(p_tenant_id);
  if exists (
    select
    from app_public.billing_requests
    where billing_requests.tenant_id = p_tenant_id
    and billing_requests.kind = 'checkout'
    and billing_requests.status = 'pending'
    and not app_private.billing_request_is_late(billing_requests)
  ) then
    raise exception 'A page to subscribe on is being made for this tenant'
      using errcode = 'CNFLT',
            hint    = 'Try again in a moment, if nobody has subscribed on it by then.';
  end if;
  if exists (
    select
    from app_private.stripe_subscriptions
    where stripe_subscriptions.tenant_id = p_tenant_id
    and stripe_subscriptions.status not in ('canceled', 'incomplete_expired')
  ) then
    return null;
  end if;

  select billing_intents.id into v_intent_id
  from app_private.billing_intents
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null;
  if not found then
    insert into app_private.billing_intents (
      tenant_id, customer_email, customer_name, price_lookup_key
    )
    select
      tenants.id,
      coalesce(app_private.address_of_owner(tenants.id), last.customer_email),
      tenants.name,
      coalesce(p_price_lookup_key, last.price_lookup_key)
    from app_public.tenants
    join lateral (
      select billing_intents.customer_email, billing_intents.price_lookup_key
      from app_private.billing_intents
      where billing_intents.tenant_id = tenants.id
      order by billing_intents.created_at desc, billing_intents.id desc
      limit 1
    ) as last on true
    where tenants.id = p_tenant_id
    and tenants.status <> 'closed'
    returning billing_intents.id into v_intent_id;
    if not found then
      return null;
    end if;
  end if;

  perform graphile_worker.add_job(
    'stripe_provision_tenant',
    json_build_object('tenant_id', p_tenant_id),
    queue_name => 'stripe_tenant:' || p_tenant_id,
    job_key => 'stripe_provision_tenant:' || p_tenant_id
  );
  return v_intent_id;
end;
$$;
comment on function app_private.renew_billing_intent(uuid, text) is
  'Starts a tenant''s provisioning again: its open intent, or a new one with today''s name and '
  'address, and the price given or wished for last. Returns the intent; null when there is nothing '
  'to start: no such tenant, a closed one, or one that has a subscription that has not ended. Raises '
  'CNFLT while a page to subscribe on is being made, for an hour at most; one that is open is closed '
  'by the task.';
revoke all on function app_private.renew_billing_intent(uuid, text) from public;
grant execute on function app_private.renew_billing_intent(uuid, text) to app_worker;

create or replace function app_private.fail_intent(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_failure text
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.billing_intents set
    failed_at = now(),
    failure = left(p_failure, 1000)
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null;
  if found then
    perform app_private.raise_alarm(
      'provisioning_failed',
      p_tenant_id::text,
      'Stripe refuses to provision this tenant. Mend the cause, then: npm run provision -- '
        || p_tenant_id,
      jsonb_build_object('intent_id', p_intent_id, 'failure', left(p_failure, 1000))
    );
  end if;
end;
$$;
comment on function app_private.fail_intent(uuid, uuid, text) is
  'Ends an intent that Stripe refuses, and would refuse again, and tells the operator.';

revoke all on function app_private.fail_intent(uuid, uuid, text) from public;
grant execute on function app_private.fail_intent(uuid, uuid, text) to app_worker;
