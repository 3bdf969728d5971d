create or replace function app_private.resume_provisioning()
  returns integer
  language plpgsql volatile parallel unsafe
as $$
declare
  v_tenant_id uuid;
  v_resumed integer := 0;
begin
  for v_tenant_id in
    select billing_intents.tenant_id
    from app_private.billing_intents
    join app_public.tenants on tenants.id = billing_intents.tenant_id
    where billing_intents.completed_at is null
    and billing_intents.failed_at is null
    and billing_intents.created_at < now() - interval '1 hour'
    and tenants.status <> 'closed'
    and not exists (
      select
      from graphile_worker._private_jobs as jobs
      where jobs.key = 'stripe_provision_tenant:' || billing_intents.tenant_id
      and (jobs.attempts < jobs.max_attempts or jobs.locked_at is not null)
    )
  loop
    perform graphile_worker.add_job(
      'stripe_provision_tenant',
      json_build_object('tenant_id', v_tenant_id),
      queue_name => 'stripe_tenant:' || v_tenant_id,
      job_key => 'stripe_provision_tenant:' || v_tenant_id
    );
    v_resumed := v_resumed + 1;
  end loop;
  return v_resumed;
end;
$$;
comment on function app_private.resume_provisioning() is
  'Books the provisioning of tenants whose wish to subscribe is an hour old and which nobody works '
  'on: its job was lost, dismissed or failed for good. Returns how many.';

create or replace function app_private.stray_customers(p_customers jsonb)
  returns table (customer_id text, tenant_id uuid, intent_id uuid, has_another boolean)
  language sql stable parallel safe
begin atomic
  select candidates.id, intents.tenant_id, intents.id, accounts.stripe_customer_id is not null
  from jsonb_to_recordset(p_customers) as candidates (id text, tenant_id uuid, intent_id uuid)
  join app_private.billing_intents as intents
    on intents.tenant_id = candidates.tenant_id
    and intents.id = candidates.intent_id
  join app_public.billing_accounts as accounts on accounts.tenant_id = intents.tenant_id
  where accounts.stripe_customer_id is distinct from candidates.id
  and not exists (
    select from app_private.stripe_customers where stripe_customers.id = candidates.id
  );
end;
comment on function app_private.stray_customers(jsonb) is
  'Which of these customers at Stripe were made for an intent of ours and are tied to nobody. '
  'p_customers: [{ id, tenant_id, intent_id }], from their metadata. has_another: the tenant has '
  'another customer, so that this one is a loser of a race.';

revoke all on function
  app_private.resume_provisioning(),
  app_private.stray_customers(jsonb)
  from public;
grant execute on function
  app_private.resume_provisioning(),
  app_private.stray_customers(jsonb)
  to app_worker;
