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
  "interval" text default 'month'
)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := btrim(create_tenant.name, E' \t\r\n');
  v_user_id uuid := app_private.current_user_id();
  v_lookup_key text;
  v_tenant app_public.tenants;
begin
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100
    or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;

  select plan_prices.lookup_key into v_lookup_key
  from app_public.plan_prices
  where plan_prices.plan_key = create_tenant.plan
  and plan_prices."interval" = create_tenant."interval";
  if not found then
    raise exception 'There is no such plan, or it is not sold by that interval'
      using errcode = 'INPUT',
            hint    = 'The query "plans" lists them with their prices.';
  end if;

  insert into app_public.tenants (name, plan)
  values (v_name, create_tenant.plan)
  returning tenants.* into v_tenant;

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
    job_key => 'stripe_provision_tenant:' || v_tenant.id
  );
  return v_tenant;
end;
$$;
comment on function app_public.create_tenant(text, text, text) is
  'Founds a tenant owned by the signed-in person. It is "provisioning" until Stripe has answered, '
  'then "incomplete" until the first payment; currentTenant.billing.clientSecret is what to pay '
  'with. Needs no tenant in the token.';
alter function app_public.create_tenant(text, text, text) owner to app_definer;
revoke all on function app_public.create_tenant(text, text, text) from public;
grant execute on function app_public.create_tenant(text, text, text) to app_user;
