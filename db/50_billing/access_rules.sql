/*
 * What a subscription's status means for its tenant: one table, to be read and tested as one. Some
 * mean something else under a circumstance, which subscription_outcome finds; '' is any other.
 */
create or replace function app_private.subscription_meanings()
  returns table (
    stripe_status text, circumstance text, status text, access text, access_reason text
  )
  language sql immutable parallel safe
begin atomic
  select meanings.*
  from (
    values
      ('incomplete',         '',              'incomplete', 'none',      'awaiting_payment'),
      ('incomplete_expired', '',              'incomplete', 'none',      'payment_expired'),
      ('trialing',           '',              'trialing',   'full',      'trial'),
      ('active',             '',              'active',     'full',      'paid'),
      ('active',             'not_collected', 'active',     'full',      'collection_paused'),
      ('past_due',           'in_grace',      'past_due',   'full',      'payment_failed'),
      ('past_due',           '',              'suspended',  'none',      'grace_ended'),
      ('unpaid',             '',              'suspended',  'none',      'unpaid'),
      ('paused',             'by_choice',     'suspended',  'read_only', 'paused'),
      ('paused',             '',              'suspended',  'none',      'unpaid'),
      ('canceled',           '',              'suspended',  'none',      'canceled'),
      ('canceled',           'unpaid',        'suspended',  'none',      'unpaid'),
      ('canceled',           'disputed',      'suspended',  'none',      'payment_disputed')
  ) as meanings (stripe_status, circumstance, status, access, access_reason);
end;
comment on function app_private.subscription_meanings() is
  'The tenant''s status, access and reason for each status of a subscription that is known.';

create or replace function app_private.unknown_status_grace()
  returns interval
  language sql immutable parallel safe
return interval '24 hours';
comment on function app_private.unknown_status_grace() is
  'How long a subscription keeps what it granted when Stripe gives it a status that we don''t know.';

/*
 * Pure. A status that Stripe adds tomorrow grants nothing new; what the last known one granted is
 * kept for a day, in which somebody can look.
 */
create or replace function app_private.subscription_outcome(
  p_subscription app_private.stripe_subscriptions,
  p_now timestamptz
)
  returns table (status text, access text, access_reason text, kept_until timestamptz)
  language sql immutable parallel safe
begin atomic
  with circumstances as (
    select
      case (p_subscription).known_status
        when 'active' then
          case when (p_subscription).pause_collection is not null then 'not_collected' end
        when 'past_due' then
          case when p_now < (p_subscription).grace_ends_at then 'in_grace' end
        when 'paused' then
          case
            when coalesce((p_subscription).pause_reason, 'pause_requested')
              in ('pause_requested', 'trial_end_without_payment_method')
            then 'by_choice'
          end
        when 'canceled' then
          case (p_subscription).cancellation_reason
            when 'payment_failed' then 'unpaid'
            when 'payment_disputed' then 'disputed'
          end
      end as circumstance,
      (p_subscription).unknown_since + app_private.unknown_status_grace() as kept_until
  )
  select
    coalesce(meanings.status, 'suspended'),
    coalesce(meanings.access, 'none'),
    case when circumstances.kept_until is null
      then meanings.access_reason
      else 'unknown_status'
    end,
    case when meanings.access <> 'none' then
      /* "least" passes over null: what ends first counts, of what there is. */
      least(
        circumstances.kept_until,
        case when meanings.circumstance = 'in_grace' then (p_subscription).grace_ends_at end
      )
    end
  from circumstances
  left join app_private.subscription_meanings() as meanings
    on meanings.stripe_status = (p_subscription).known_status
    and meanings.circumstance = coalesce(circumstances.circumstance, '')
    and coalesce(p_now < circumstances.kept_until, true);
end;
comment on function app_private.subscription_outcome(
  app_private.stripe_subscriptions, timestamptz
) is
  'What a subscription gives its tenant now. kept_until: when the clock takes it away; null when '
  'only Stripe can.';

/*
 * Decides by all of a tenant's subscriptions, never by the one in an event: an old one that ends
 * must not take away what a new one grants. Among those that grant the same, one that stands
 * firmly goes before one that is in its grace period, the larger plan before the smaller, the newer
 * before the older.
 */
create or replace function app_private.tenant_standing(p_tenant_id uuid, p_now timestamptz)
  returns table (
    status text,
    access text,
    access_reason text,
    grace_ends_at timestamptz,
    access_until timestamptz,
    plan_key text,
    current_period_start timestamptz,
    current_period_end timestamptz,
    cancel_at timestamptz,
    trial_ends_at timestamptz,
    subscription_id text,
    client_secret text
  )
  language sql stable parallel safe
begin atomic
  select
    outcome.status,
    outcome.access,
    outcome.access_reason,
    coalesce(outcome.kept_until, subscriptions.grace_ends_at),
    case when outcome.access <> 'none' then least(outcome.kept_until, subscriptions.cancel_at) end,
    subscriptions.plan_key,
    subscriptions.current_period_start,
    subscriptions.current_period_end,
    subscriptions.cancel_at,
    case when outcome.status = 'trialing' then subscriptions.trial_end end,
    case when not stripe_customers.is_deleted then subscriptions.id end,
    subscriptions.client_secret
  from app_private.stripe_subscriptions as subscriptions
  join app_private.stripe_customers
    on stripe_customers.tenant_id = subscriptions.tenant_id
    and stripe_customers.id = subscriptions.customer_id
  cross join lateral app_private.subscription_outcome(subscriptions, p_now) as outcome
  left join app_public.plans on plans.key = subscriptions.plan_key
  where subscriptions.tenant_id = p_tenant_id
  order by
    array_position(array['full', 'read_only', 'none'], outcome.access),
    subscriptions.status in ('canceled', 'incomplete_expired'),
    outcome.kept_until is not null,
    case when outcome.access <> 'none' then plans.position end desc nulls last,
    subscriptions.created_at desc,
    subscriptions.id desc
  limit 1;
end;
comment on function app_private.tenant_standing(uuid, timestamptz) is
  'What all of a tenant''s subscriptions together mean for it at a time; no row when it has none. '
  'grace_ends_at: when the clock takes its access away, or took it.';

revoke all on function
  app_private.subscription_meanings(),
  app_private.unknown_status_grace(),
  app_private.subscription_outcome(app_private.stripe_subscriptions, timestamptz),
  app_private.tenant_standing(uuid, timestamptz)
  from public;
grant execute on function
  app_private.subscription_meanings(),
  app_private.unknown_status_grace(),
  app_private.subscription_outcome(app_private.stripe_subscriptions, timestamptz),
  app_private.tenant_standing(uuid, timestamptz)
  to app_worker;
