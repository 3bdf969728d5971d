/*
 * What is at Stripe and ought not to be: what was made twice, and what a closed tenant leaves. Each
 * is taken back by a job, booked in the transaction that finds it out.
 */
create or replace function app_private.discard_at_stripe(
  p_stripe_id text,
  p_tenant_id uuid,
  p_instead_of text
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  perform graphile_worker.add_job(
    'stripe_discard',
    json_build_object('stripe_id', p_stripe_id),
    job_key => 'stripe_discard:' || p_stripe_id
  );
  /* None counts when the tenant is closed or gone: that is no double. */
  if p_instead_of is not null then
    perform app_private.raise_alarm(
      case when p_stripe_id like 'cus%' then 'duplicate_customer' else 'duplicate_subscription' end,
      p_stripe_id,
      'Made at Stripe although the tenant had ' || p_instead_of || '; it is discarded there.',
      jsonb_build_object('tenant_id', p_tenant_id, 'counts', p_instead_of)
    );
  end if;
end;
$$;
comment on function app_private.discard_at_stripe(text, uuid, text) is
  'Has a customer deleted, or a subscription cancelled, that was made beside another.';

create or replace function app_private.is_wanted_at_stripe(p_stripe_id text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.billing_accounts
    where billing_accounts.stripe_customer_id = p_stripe_id
  ) or exists (
    select
    from app_private.billing_intents
    where billing_intents.stripe_subscription_id = p_stripe_id
  );
end;
comment on function app_private.is_wanted_at_stripe(text) is
  'Whether a tenant counts on this customer or subscription: then it is not to be discarded.';

create or replace function app_private.withdrawal_of_tenant(p_tenant_id uuid)
  returns table (
    status text,
    stripe_customer_id text,
    id uuid,
    customer_email text,
    created_at timestamptz
  )
  language sql stable parallel safe
begin atomic
  select
    tenants.status,
    billing_accounts.stripe_customer_id,
    billing_intents.id,
    billing_intents.customer_email,
    billing_intents.created_at
  from app_public.tenants
  join app_public.billing_accounts on billing_accounts.tenant_id = tenants.id
  join app_private.billing_intents on billing_intents.tenant_id = tenants.id
  where tenants.id = p_tenant_id;
end;
comment on function app_private.withdrawal_of_tenant(uuid) is
  'Where to look at Stripe for what a tenant has there: a row an intent, none when it is deleted.';

create or replace function app_private.request_withdrawal(
  p_tenant_id uuid,
  p_customer_ids text[] default '{}',
  p_search_at timestamptz default null
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  /* The tenant's own queue: whatever is being made for it at Stripe is over when this runs. */
  select graphile_worker.add_job(
    'stripe_withdraw_tenant',
    json_build_object('tenant_id', p_tenant_id, 'customer_ids', p_customer_ids),
    queue_name => 'stripe_tenant:' || p_tenant_id,
    run_at => p_search_at,
    job_key => concat_ws(
      ':', 'stripe_withdraw_tenant', p_tenant_id, case when p_search_at is not null then 'search' end
    )
  );
end;
comment on function app_private.request_withdrawal(uuid, text[], timestamptz) is
  'Books the end of all that a closed or deleted tenant has at Stripe. p_customer_ids: what was known '
  'of a deleted one, as nothing here tells any more. p_search_at: books it once more, for then.';

create or replace function app_private.withdraw_if_closed(p_tenant_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.request_withdrawal(tenants.id)
  from app_public.tenants
  where tenants.id = p_tenant_id
  and tenants.status = 'closed';
end;
comment on function app_private.withdraw_if_closed(uuid) is
  'Ends what came to be at Stripe beside or after the closing of its tenant.';

revoke all on function
  app_private.discard_at_stripe(text, uuid, text),
  app_private.is_wanted_at_stripe(text),
  app_private.withdrawal_of_tenant(uuid),
  app_private.request_withdrawal(uuid, text[], timestamptz),
  app_private.withdraw_if_closed(uuid)
  from public;
grant execute on function
  app_private.discard_at_stripe(text, uuid, text),
  app_private.is_wanted_at_stripe(text),
  app_private.withdrawal_of_tenant(uuid),
  app_private.request_withdrawal(uuid, text[], timestamptz),
  app_private.withdraw_if_closed(uuid)
  to app_worker;
/* Whatever ends a billing request looks whether its tenant was closed meanwhile. */
grant execute on function
  app_private.request_withdrawal(uuid, text[], timestamptz),
  app_private.withdraw_if_closed(uuid)
  to app_definer;

create or replace function app_private.tg_tenants__withdraw()
  returns trigger
  language plpgsql volatile
as $$
declare
  v_customer_ids text[];
begin
  if tg_op = 'UPDATE' then
    perform app_private.request_withdrawal(old.id);
    return null;
  end if;

  /* With the row goes all that is known of it here; its metadata at Stripe may be anything by now. */
  v_customer_ids := array(
    select stripe_customers.id
    from app_private.stripe_customers
    where stripe_customers.tenant_id = old.id
    and not stripe_customers.is_deleted
    union
    select billing_accounts.stripe_customer_id
    from app_public.billing_accounts
    where billing_accounts.tenant_id = old.id
    and billing_accounts.stripe_customer_id is not null
    order by 1
  );
  perform app_private.request_withdrawal(old.id, v_customer_ids);
  /* What was made and never noted has to be searched for, and Stripe's search lags behind writes. */
  perform app_private.request_withdrawal(
    old.id, v_customer_ids, now() + interval '10 minutes'
  );
  return old;
end;
$$;
comment on function app_private.tg_tenants__withdraw() is
  'Has the subscriptions of a tenant that is closed or deleted cancelled at Stripe, and whatever was being made for it.';
revoke all on function app_private.tg_tenants__withdraw() from public;

create or replace trigger _500_withdraw_closed
  after update of status on app_public.tenants
  for each row when (new.status = 'closed' and old.status <> 'closed')
  execute function app_private.tg_tenants__withdraw();

/* Before: the rows that name its customers are deleted with it, sooner than any trigger after. */
create or replace trigger _510_withdraw_deleted
  before delete on app_public.tenants
  for each row execute function app_private.tg_tenants__withdraw();
