create or replace function app_private.unseen_stripe_events(p_ids text[])
  returns setof text
  language sql stable parallel safe
begin atomic
  select ids.id
  from unnest(p_ids) as ids (id)
  where not exists (
    select from app_private.stripe_events where stripe_events.id = ids.id
  );
end;
comment on function app_private.unseen_stripe_events(text[]) is
  'Which of these events the inbox has not got.';
revoke all on function app_private.unseen_stripe_events(text[]) from public;
grant execute on function app_private.unseen_stripe_events(text[]) to app_worker;
