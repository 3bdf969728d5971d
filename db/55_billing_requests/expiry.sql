/* A request that nobody could carry out within an hour. Whoever asked has gone by then. */
create or replace function app_private.billing_request_is_late(
  p_request app_public.billing_requests
)
  returns boolean
  language sql stable parallel safe
return p_request.status = 'pending' and p_request.created_at < now() - interval '1 hour';
comment on function app_private.billing_request_is_late(app_public.billing_requests) is
  'Whether a request is open and will never be carried out, whatever becomes of its job.';

create or replace function app_private.end_billing_request_if_late(
  p_request app_public.billing_requests
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.fail_billing_request(
    p_request.tenant_id, p_request.id, 'expired', 'Nothing was done within an hour. Ask again.'
  )
  where app_private.billing_request_is_late(p_request);
end;
comment on function app_private.end_billing_request_if_late(app_public.billing_requests) is
  'Ends a request that is late, and tells whoever watches it.';

create or replace function app_private.end_late_billing_requests()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.end_billing_request_if_late(billing_requests)
  from app_public.billing_requests
  where billing_requests.status = 'pending'
  /* What is being carried out was begun in time, and may just have been done. */
  and not exists (
    select
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'billing_request:' || billing_requests.id
    and jobs.locked_at is not null
  )
  order by billing_requests.tenant_id, billing_requests.id;
end;
comment on function app_private.end_late_billing_requests() is
  'Ends what is late in all tenants, also what has no job any more: one that was dismissed or lost.';

revoke all on function
  app_private.billing_request_is_late(app_public.billing_requests),
  app_private.end_billing_request_if_late(app_public.billing_requests),
  app_private.end_late_billing_requests()
  from public;
grant execute on function
  app_private.billing_request_is_late(app_public.billing_requests),
  app_private.end_billing_request_if_late(app_public.billing_requests)
  to app_definer, app_worker;
grant execute on function app_private.end_late_billing_requests() to app_worker;
