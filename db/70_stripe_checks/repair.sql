create or replace function app_private.repair_customer(
  p_customer_id text,
  p_listed_from bigint,
  p_check_id uuid
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  /* Read again since, or about to be: what was listed is older than what will be. */
  if exists (
    select
    from app_private.stripe_customers
    where stripe_customers.id = p_customer_id
    and stripe_customers.sync_seq > p_listed_from
  ) or exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_customer:' || p_customer_id
    and jobs.attempts < jobs.max_attempts
  ) then
    return false;
  end if;
  perform app_private.request_customer_sync(p_customer_id);

  /* An event that waits tells of it, or did and has an alarm of its own; one may be on its way too. */
  if not exists (
    select
    from app_private.stripe_events
    where stripe_events.customer_id = p_customer_id
    and stripe_events.status in ('pending', 'failed')
  ) then
    perform graphile_worker.add_job(
      'tell_of_drift',
      json_build_object('customer_id', p_customer_id, 'check_id', p_check_id),
      run_at => now() + interval '10 minutes',
      job_key => concat_ws(':', 'billing_drift', p_customer_id, p_check_id)
    );
  end if;
  return true;
end;
$$;
comment on function app_private.repair_customer(text, bigint, uuid) is
  'Books a fresh copy of a customer that differs, and a look whether that is to be told; false when '
  'the customer was read after p_listed_from (a number of stripe_sync_seq) or is about to be.';

create or replace function app_private.tell_of_drift(p_customer_id text, p_check_id uuid)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.raise_alarm(
    'billing_drift',
    p_customer_id,
    'Our copy of this customer differed from Stripe and no event told of it; it was read again'
  )
  where not exists (
    select
    from app_private.stripe_events
    join app_private.stripe_checks on stripe_checks.id = p_check_id
    where stripe_events.customer_id = p_customer_id
    and stripe_events.received_at >= stripe_checks.started_at
  );
end;
comment on function app_private.tell_of_drift(text, uuid) is
  'Tells the operator of a customer that differed when everything was compared, unless an event of it '
  'has arrived since the comparison began: then it was only on its way.';

revoke all on function
  app_private.repair_customer(text, bigint, uuid),
  app_private.tell_of_drift(text, uuid)
  from public;
grant execute on function
  app_private.repair_customer(text, bigint, uuid),
  app_private.tell_of_drift(text, uuid)
  to app_worker;
