create or replace function app_private.begin_billing_intent(p_tenant_id uuid)
  returns table (
    id uuid,
    key_generation smallint,
    customer_email text,
    customer_name text,
    price_lookup_key text,
    stripe_price_id text,
    stripe_customer_id text,
    created_at timestamptz,
    must_search boolean,
    is_renewal boolean
  )
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    /*
     * Of a wish that is old, a first attempt may have been made that we know nothing of: by a
     * database that was restored since from a backup.
     */
    first_attempt_at = coalesce(
      billing_intents.first_attempt_at,
      case when billing_intents.created_at < now() - interval '23 hours'
        then billing_intents.created_at
        else now()
      end
    )
  from app_public.billing_accounts
  join app_public.tenants on tenants.id = billing_accounts.tenant_id
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null
  and billing_accounts.tenant_id = billing_intents.tenant_id
  and tenants.status <> 'closed'
  returning
    billing_intents.id,
    billing_intents.key_generation,
    billing_intents.customer_email,
    billing_intents.customer_name,
    billing_intents.price_lookup_key,
    billing_intents.stripe_price_id,
    billing_accounts.stripe_customer_id,
    billing_intents.created_at,
    billing_intents.is_in_doubt
      or billing_intents.first_attempt_at < now() - interval '23 hours',
    exists (
      select
      from app_private.billing_intents as earlier
      where earlier.tenant_id = billing_intents.tenant_id
      and earlier.id <> billing_intents.id
    );
end;
comment on function app_private.begin_billing_intent(uuid) is
  'The tenant''s open wish to subscribe and how far it got; no row when there is none, or when the '
  'tenant is closed. must_search: an earlier attempt may have succeeded unseen, look before '
  'creating. is_renewal: the tenant had a wish before, its customer may have a subscription.';

create or replace function app_private.freeze_intent_price(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_price_id text
)
  returns text
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    stripe_price_id = coalesce(billing_intents.stripe_price_id, p_price_id)
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  returning billing_intents.stripe_price_id;
end;
comment on function app_private.freeze_intent_price(uuid, uuid, text) is
  'Stores the price found for an intent, unless one is stored; returns the one that counts.';

create or replace function app_private.doubt_intent(p_tenant_id uuid, p_intent_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set is_in_doubt = true
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id;
end;
comment on function app_private.doubt_intent(uuid, uuid) is
  'Notes that Stripe answered 5xx: whether it did what was asked is unknown.';

create or replace function app_private.settle_intent_doubt(p_tenant_id uuid, p_intent_id uuid)
  returns smallint
  language sql volatile parallel unsafe
begin atomic
  update app_private.billing_intents set
    is_in_doubt = false,
    first_attempt_at = now(),
    key_generation = billing_intents.key_generation + 1
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  returning billing_intents.key_generation;
end;
comment on function app_private.settle_intent_doubt(uuid, uuid) is
  'Notes that Stripe was searched and had nothing; returns the generation for fresh keys.';

create or replace function app_private.tie_stripe_customer(p_tenant_id uuid, p_customer_id text)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_public.billing_accounts set
    stripe_customer_id = coalesce(billing_accounts.stripe_customer_id, p_customer_id)
  from app_public.tenants
  where billing_accounts.tenant_id = p_tenant_id
  and tenants.id = billing_accounts.tenant_id
  and tenants.status <> 'closed'
  returning billing_accounts.stripe_customer_id into v_customer_id;
  if v_customer_id = p_customer_id then
    insert into app_private.stripe_customers (tenant_id, id)
    values (p_tenant_id, v_customer_id)
    on conflict do nothing;
  end if;
  return v_customer_id;
end;
$$;
comment on function app_private.tie_stripe_customer(uuid, text) is
  'Ties a Stripe customer to a tenant that has none yet; returns the one that counts, which is '
  'another when somebody was faster, and none when the tenant is closed or gone.';

create or replace function app_private.record_intent_customer(
  p_tenant_id uuid,
  p_customer_id text
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text := app_private.tie_stripe_customer(p_tenant_id, p_customer_id);
begin
  if v_customer_id is distinct from p_customer_id then
    perform app_private.discard_at_stripe(p_customer_id, p_tenant_id, v_customer_id);
  end if;
  return v_customer_id;
end;
$$;
comment on function app_private.record_intent_customer(uuid, text) is
  'Stores the customer that was made for an intent, and returns the one that counts. One that came '
  'too late is discarded at Stripe, by a job: no crash leaves it there.';

create or replace function app_private.record_intent_subscription(
  p_tenant_id uuid,
  p_intent_id uuid,
  p_subscription_id text,
  p_is_intents boolean default true
)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_subscription_id text;
begin
  update app_private.billing_intents set
    stripe_subscription_id = coalesce(billing_intents.stripe_subscription_id, p_subscription_id),
    completed_at = coalesce(billing_intents.completed_at, now())
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.id = p_intent_id
  and billing_intents.failed_at is null
  returning billing_intents.stripe_subscription_id into v_subscription_id;

  if v_subscription_id is distinct from p_subscription_id then
    if p_is_intents then
      perform app_private.discard_at_stripe(p_subscription_id, p_tenant_id, v_subscription_id);
    end if;
  else
    perform app_private.resolve_alarm('provisioning_failed', p_tenant_id::text);
  end if;
  return v_subscription_id;
end;
$$;
comment on function app_private.record_intent_subscription(uuid, uuid, text, boolean) is
  'Closes an intent: its subscription exists. Returns the one that counts; another is discarded at '
  'Stripe, by a job, if it was made for the intent (p_is_intents) and not found: what is found may '
  'have been paid.';

create or replace function app_private.adopt_stripe_customer(
  p_customer_id text,
  p_tenant_id uuid,
  p_intent_id uuid
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Metadata can be written by anyone in the dashboard: the tenant must have wished for it. */
  if not exists (
    select
    from app_private.billing_intents
    where billing_intents.tenant_id = p_tenant_id
    and billing_intents.id = p_intent_id
  ) or exists (
    select
    from app_private.stripe_customers
    where stripe_customers.id = p_customer_id
    and stripe_customers.tenant_id <> p_tenant_id
  ) then
    return false;
  end if;
  return coalesce(
    app_private.tie_stripe_customer(p_tenant_id, p_customer_id) = p_customer_id, false
  );
end;
$$;
comment on function app_private.adopt_stripe_customer(text, uuid, uuid) is
  'Ties a customer made for an intent of ours to its tenant; false when it is not ours, when it is '
  'another tenant''s, or when the tenant has another.';

revoke all on function
  app_private.begin_billing_intent(uuid),
  app_private.freeze_intent_price(uuid, uuid, text),
  app_private.doubt_intent(uuid, uuid),
  app_private.settle_intent_doubt(uuid, uuid),
  app_private.tie_stripe_customer(uuid, text),
  app_private.record_intent_customer(uuid, text),
  app_private.record_intent_subscription(uuid, uuid, text, boolean),
  app_private.adopt_stripe_customer(text, uuid, uuid)
  from public;
grant execute on function
  app_private.begin_billing_intent(uuid),
  app_private.freeze_intent_price(uuid, uuid, text),
  app_private.doubt_intent(uuid, uuid),
  app_private.settle_intent_doubt(uuid, uuid),
  app_private.tie_stripe_customer(uuid, text),
  app_private.record_intent_customer(uuid, text),
  app_private.record_intent_subscription(uuid, uuid, text, boolean),
  app_private.adopt_stripe_customer(text, uuid, uuid)
  to app_worker;
