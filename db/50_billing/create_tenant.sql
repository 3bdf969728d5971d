create or replace function app_private.founding_id(p_user_id uuid, p_key text)
  returns uuid
  language sql immutable strict parallel safe
begin atomic
  /* The layout of a version 8 UUID, so that it can't be one that the database made up. */
  select (
    substr(digest.hex, 1, 12) || '8' || substr(digest.hex, 14, 3)
    || '8' || substr(digest.hex, 18, 15)
  )::uuid
  from (
    select encode(sha256(convert_to(p_user_id || ':' || p_key, 'UTF8')), 'hex') as hex
  ) as digest;
end;
comment on function app_private.founding_id(uuid, text) is
  'The id of the tenant that this person founds under this idempotency key; null without a key.';

create or replace function app_private.founded_tenant(
  p_user_id uuid,
  p_key text,
  p_name text,
  p_price_lookup_key text
)
  returns app_public.tenants
  language plpgsql stable parallel safe
as $$
declare
  v_tenant_id uuid := app_private.founding_id(p_user_id, p_key);
  v_tenant app_public.tenants;
begin
  select tenants.* into v_tenant
  from app_public.tenants
  join app_public.memberships
    on memberships.tenant_id = tenants.id and memberships.user_id = p_user_id
  where tenants.id = v_tenant_id
  and exists (
    select
    from app_private.billing_intents
    where billing_intents.tenant_id = v_tenant_id
    and billing_intents.customer_name = p_name
    and billing_intents.price_lookup_key = p_price_lookup_key
  );
  if not found then
    raise exception 'This idempotency key was used to found another tenant'
      using errcode = 'CNFLT';
  end if;
  return v_tenant;
end;
$$;
comment on function app_private.founded_tenant(uuid, text, text, text) is
  'The tenant that this person has founded under this key with the same wish, and still belongs to.';

create or replace function app_private.require_few_foundings(p_user_id uuid)
  returns void
  language plpgsql stable parallel safe
as $$
declare
  v_hourly_limit constant integer := 100;
begin
  if v_hourly_limit <= (
    select count(*)
    from app_public.memberships
    join app_public.tenants on tenants.id = memberships.tenant_id
    where memberships.user_id = p_user_id
    and memberships.role = 'owner'
    and tenants.created_at > now() - interval '1 hour'
  ) then
    raise exception 'You have founded % tenants within an hour', v_hourly_limit
      using errcode = 'RATED',
            hint    = 'Try again later.';
  end if;
end;
$$;
comment on function app_private.require_few_foundings(uuid) is
  'Raises RATED beyond 100 an hour: each takes calls to Stripe that other tenants wait for.';

revoke all on function
  app_private.founding_id(uuid, text),
  app_private.founded_tenant(uuid, text, text, text),
  app_private.require_few_foundings(uuid)
  from public;
grant execute on function
  app_private.founding_id(uuid, text),
  app_private.founded_tenant(uuid, text, text, text),
  app_private.require_few_foundings(uuid)
  to app_definer;

/*
 * security definer: nobody is a member of a tenant that does not exist yet. The owner is the
 * signed-in person, never an argument.
 *
 * One transaction makes the tenant, its owner, the frozen wish to subscribe and the job that
 * carries it to Stripe: none is ever there without the others.
 */
create or replace function app_public.create_tenant(
  name text,
  plan text default 'starter',
  "interval" text default 'month',
  idempotency_key text default null
)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := btrim(create_tenant.name, E' \t\r\n');
  v_user_id uuid := app_private.current_user_id();
  v_key text := create_tenant.idempotency_key;
  v_lookup_key text;
  v_is_sold boolean;
  v_tenant app_public.tenants;
begin
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100
    or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;
  if v_key is not null and char_length(v_key) not between 1 and 200 then
    raise exception '"idempotencyKey" must have 1 to 200 characters'
      using errcode = 'INPUT';
  end if;

  select plan_prices.lookup_key, plan_prices.is_active into v_lookup_key, v_is_sold
  from app_public.plan_prices
  where plan_prices.plan_key = create_tenant.plan
  and plan_prices."interval" = create_tenant."interval";
  if not found then
    raise exception 'There is no such plan, or it is not sold by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists them with their prices.';
  end if;

  if v_key is null then
    insert into app_public.tenants (name, plan)
    values (v_name, create_tenant.plan)
    returning tenants.* into v_tenant;
  else
    /* A person and a key make one id: the primary key decides between clicks that race. */
    insert into app_public.tenants (id, name, plan)
    values (app_private.founding_id(v_user_id, v_key), v_name, create_tenant.plan)
    on conflict (id) do nothing
    returning tenants.* into v_tenant;
    if not found then
      return app_private.founded_tenant(v_user_id, v_key, v_name, v_lookup_key);
    end if;
  end if;

  /* Not before: a click that is repeated gets its tenant, whatever is sold by now. */
  if not v_is_sold then
    raise exception 'The plan is not sold now by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists those that are, with isActive.';
  end if;
  perform app_private.require_few_foundings(v_user_id);

  insert into app_public.memberships (tenant_id, user_id, role)
  values (v_tenant.id, v_user_id, 'owner');

  insert into app_public.billing_accounts (tenant_id)
  values (v_tenant.id);

  insert into app_private.billing_intents (
    tenant_id, customer_email, customer_name, price_lookup_key
  )
  select v_tenant.id, users.email, v_name, v_lookup_key
  from app_public.users
  where users.id = v_user_id;

  perform graphile_worker.add_job(
    'stripe_provision_tenant',
    json_build_object('tenant_id', v_tenant.id),
    queue_name => 'stripe_tenant:' || v_tenant.id,
    job_key => 'stripe_provision_tenant:' || v_tenant.id
  );
  return v_tenant;
end;
$$;
comment on function app_public.create_tenant(text, text, text, text) is
  'Founds a tenant owned by the signed-in person. It is "provisioning" until Stripe has answered, '
  'then "incomplete" until the first payment; currentTenant.billing.clientSecret is what to pay '
  'with. Needs no tenant in the token. Called again with the same idempotencyKey it founds nothing '
  'and returns the tenant that it founded; with the same key and another wish: CONFLICT. Beyond 100 '
  'tenants of a person within an hour: RATE_LIMITED.';
alter function app_public.create_tenant(text, text, text, text) owner to app_definer;
revoke all on function app_public.create_tenant(text, text, text, text) from public;
grant execute on function app_public.create_tenant(text, text, text, text) to app_user;
