create or replace function app_private.raise_alarm(
  p_kind text,
  p_subject text,
  p_message text,
  p_details jsonb default '{}'
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.alarms (kind, subject, message, details)
  values (p_kind, left(p_subject, 255), left(p_message, 1000), p_details)
  on conflict (kind, subject) where resolved_at is null do update set
    message = excluded.message,
    details = excluded.details,
    times = alarms.times + 1,
    last_raised_at = now();
end;
comment on function app_private.raise_alarm(text, text, text, jsonb) is
  'Tells the operator of something; once for each matter that is open.';

create or replace function app_private.resolve_alarm(p_kind text, p_subject text)
  returns void
  language sql volatile parallel unsafe
begin atomic
  update app_private.alarms set resolved_at = now()
  where alarms.kind = p_kind
  and alarms.subject = left(p_subject, 255)
  and alarms.resolved_at is null;
end;
comment on function app_private.resolve_alarm(text, text) is
  'Closes the open alarm of a matter that has mended itself, if there is one.';

revoke all on function
  app_private.raise_alarm(text, text, text, jsonb),
  app_private.resolve_alarm(text, text)
  from public;
grant execute on function
  app_private.raise_alarm(text, text, text, jsonb),
  app_private.resolve_alarm(text, text)
  to app_worker, app_definer;
