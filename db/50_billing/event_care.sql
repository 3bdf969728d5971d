create or replace function app_private.tend_stripe_events()
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_job record;
begin
  for v_job in
    select split_part(jobs.key, ':', 2) as subject, left(jobs.last_error, 900) as error
    from graphile_worker._private_jobs as jobs
    where jobs.attempts >= jobs.max_attempts
    and jobs.locked_at is null
    and jobs.key ~ '^stripe_(event|customer):'
  loop
    update app_private.stripe_events set
      status = 'failed',
      reason = v_job.error
    where stripe_events.status = 'pending'
    and (stripe_events.id = v_job.subject or stripe_events.customer_id = v_job.subject);
    if found then
      perform app_private.raise_alarm(
        'stripe_event_failed',
        v_job.subject,
        format('What Stripe sent about %s was given up: %s', v_job.subject, v_job.error)
      );
    end if;
  end loop;

  /* Whoever deletes jobs by hand takes no event with them. */
  perform app_private.book_event_jobs(array_agg(stripe_events.id order by stripe_events.id))
  from app_private.stripe_events
  where stripe_events.status = 'pending'
  and stripe_events.received_at < now() - interval '10 minutes'
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_event:' || stripe_events.id
  )
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_customer:' || stripe_events.customer_id
  );
end;
$$;
comment on function app_private.tend_stripe_events() is
  'Marks events failed whose job was given up, with the reason, and raises an alarm for each job; '
  'books those anew that wait for a job which is gone.';

create or replace function app_private.replay_stripe_event(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_private.stripe_events set
    status = 'pending',
    reason = null,
    processed_at = null
  where stripe_events.id = p_event_id
  and stripe_events.status <> 'ignored_mode';
  if not found then
    raise exception 'There is no event "%", or it is of Stripe''s other mode', p_event_id
      using errcode = 'INPUT';
  end if;
  perform app_private.resolve_alarm('stripe_event_failed', p_event_id);
  perform app_private.book_event_jobs(array[p_event_id]);
end;
$$;
comment on function app_private.replay_stripe_event(text) is
  'Processes an event of the inbox again, whatever became of it. Harmless, since nothing but whom it '
  'is about is read from it. For operators.';

create or replace function app_private.dismiss_stripe_event(p_event_id text)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_customer_id text;
begin
  update app_private.stripe_events set
    status = 'dismissed',
    processed_at = now()
  where stripe_events.id = p_event_id
  and stripe_events.status in ('pending', 'foreign', 'failed')
  returning stripe_events.customer_id into v_customer_id;
  if not found then
    raise exception 'There is no event "%" that is pending, foreign or failed', p_event_id
      using errcode = 'INPUT';
  end if;
  perform graphile_worker.remove_job('stripe_event:' || p_event_id);
  perform app_private.resolve_alarm('stripe_event_failed', p_event_id);
  if not exists (
    select
    from app_private.stripe_events
    where stripe_events.customer_id = v_customer_id
    and stripe_events.status = 'failed'
  ) then
    perform app_private.resolve_alarm('stripe_event_failed', v_customer_id);
  end if;
end;
$$;
comment on function app_private.dismiss_stripe_event(text) is
  'Takes an event off the list of what is to be done, and the alarm of its failure with it. For '
  'operators.';

create or replace function app_private.prune_stripe_events()
  returns void
  language sql volatile parallel unsafe
begin atomic
  /*
   * Stripe lists and resends events for 30 days: one that is forgotten any sooner could come again
   * and would be taken for new.
   */
  delete from app_private.stripe_events
  where stripe_events.received_at < now() - interval '45 days'
  and stripe_events.status in ('processed', 'ignored', 'ignored_mode', 'foreign', 'dismissed');
end;
comment on function app_private.prune_stripe_events() is
  'Forgets events that came 45 days ago and are done with. What is pending or failed stays.';

revoke all on function
  app_private.tend_stripe_events(),
  app_private.replay_stripe_event(text),
  app_private.dismiss_stripe_event(text),
  app_private.prune_stripe_events()
  from public;
grant execute on function
  app_private.tend_stripe_events(),
  app_private.replay_stripe_event(text),
  app_private.dismiss_stripe_event(text),
  app_private.prune_stripe_events()
  to app_worker;
