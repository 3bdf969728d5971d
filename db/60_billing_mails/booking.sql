create or replace function app_private.book_billing_mail(
  p_tenant_id uuid,
  p_kind text,
  p_about text,
  p_occasion text,
  p_run_at timestamptz default now()
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_mail_id uuid;
begin
  insert into app_private.billing_mails (tenant_id, kind, about, occasion)
  values (p_tenant_id, p_kind, p_about, p_occasion)
  /* What was not sent because it was not true then may be true again: it is looked at anew. */
  on conflict on constraint billing_mails_once do update set
    status = 'booked',
    settled_at = null
    where billing_mails.status = 'stale'
  returning billing_mails.id into v_mail_id;
  if found then
    perform graphile_worker.add_job(
      'send_billing_mail',
      json_build_object('tenant_id', p_tenant_id, 'mail_id', v_mail_id),
      run_at => p_run_at,
      job_key => 'billing_mail:' || v_mail_id
    );
  end if;
end;
$$;
comment on function app_private.book_billing_mail(uuid, text, text, text, timestamptz) is
  'Books a mail to a tenant''s payers together with its job, unless it was booked before and is not '
  'stale.';

create or replace function app_private.seconds_of(p_time timestamptz)
  returns text
  language sql immutable parallel safe
return extract(epoch from p_time)::text;
comment on function app_private.seconds_of(timestamptz) is
  'A time as a text that is the same in every time zone.';

revoke all on function
  app_private.book_billing_mail(uuid, text, text, text, timestamptz),
  app_private.seconds_of(timestamptz)
  from public;
grant execute on function
  app_private.book_billing_mail(uuid, text, text, text, timestamptz),
  app_private.seconds_of(timestamptz)
  to app_worker;
