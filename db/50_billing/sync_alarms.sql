/*
 * What an operator should look at in a customer's truth. Each matter is found anew at every sync,
 * so that its alarm is resolved by the first sync that finds it mended.
 */
create or replace function app_private.billing_matters(p_tenant_id uuid, p_truth jsonb)
  returns table (kind text, subject text, message text, details jsonb)
  language sql stable parallel safe
begin atomic
  with live as (
    select subscriptions.id, subscriptions.status, subscriptions.plan_key,
      subscriptions.unknown_since, subscriptions.items, subscriptions.known_status
    from app_private.stripe_subscriptions as subscriptions
    where subscriptions.tenant_id = p_tenant_id
    and subscriptions.status not in ('canceled', 'incomplete_expired')
  )
  select
    'duplicate_subscription',
    p_tenant_id::text,
    'A tenant pays for more than one subscription',
    jsonb_build_object('subscriptions', jsonb_agg(live.id order by live.id))
  from live
  where live.status <> 'incomplete'
  having count(*) > 1
  union all
  select
    'unknown_status',
    live.id,
    'A subscription has a status that is not known: it keeps what it granted for a day',
    jsonb_build_object('tenant_id', p_tenant_id, 'status', live.status, 'since', live.unknown_since)
  from live
  where live.unknown_since is not null
  union all
  select
    'unknown_price',
    live.id,
    'A subscription has no price of a plan of ours: its tenant keeps the plan it had',
    jsonb_build_object(
      'tenant_id', p_tenant_id,
      'prices', jsonb_path_query_array(live.items, '$[*].price_id')
    )
  from live
  where live.plan_key is null
  union all
  select
    'tenant_mismatch',
    claims.id,
    'The metadata of an object at Stripe name a tenant that it does not belong to',
    jsonb_build_object('tenant_id', p_tenant_id, 'claimed_tenant_id', claims.tenant_id)
  from (
    select p_truth->>'id', p_truth->>'claimed_tenant_id'
    union all
    select subscriptions.id, subscriptions.claimed_tenant_id
    from jsonb_to_recordset(p_truth->'subscriptions')
      as subscriptions (id text, claimed_tenant_id text)
    join live using (id)
  ) as claims (id, tenant_id)
  where claims.tenant_id <> p_tenant_id::text;
end;
comment on function app_private.billing_matters(uuid, jsonb) is
  'What is wrong with a customer that was just recorded, each matter once.';

create or replace function app_private.raise_billing_alarms(p_tenant_id uuid, p_truth jsonb)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_matters jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(matters)), '[]') into v_matters
  from app_private.billing_matters(p_tenant_id, p_truth) as matters;

  perform app_private.raise_alarm(
    matters.kind, matters.subject, matters.message, matters.details
  )
  from jsonb_to_recordset(v_matters)
    as matters (kind text, subject text, message text, details jsonb);

  perform app_private.resolve_alarm(alarms.kind, alarms.subject)
  from app_private.alarms
  where alarms.resolved_at is null
  and alarms.kind in (
    'duplicate_subscription', 'unknown_status', 'unknown_price', 'tenant_mismatch'
  )
  and (
    alarms.subject in (p_tenant_id::text, p_truth->>'id')
    or alarms.subject in (
      select subscriptions.id
      from app_private.stripe_subscriptions as subscriptions
      where subscriptions.tenant_id = p_tenant_id
    )
  )
  and not v_matters @> jsonb_build_array(
    jsonb_build_object('kind', alarms.kind, 'subject', alarms.subject)
  );
end;
$$;
comment on function app_private.raise_billing_alarms(uuid, jsonb) is
  'Raises an alarm for what is wrong with a customer that was just recorded, and resolves those '
  'whose matter has mended.';

revoke all on function
  app_private.billing_matters(uuid, jsonb),
  app_private.raise_billing_alarms(uuid, jsonb)
  from public;
grant execute on function
  app_private.billing_matters(uuid, jsonb),
  app_private.raise_billing_alarms(uuid, jsonb)
  to app_worker;
