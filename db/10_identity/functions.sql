create or replace function app_public.current_user()
  returns app_public.users
  language sql stable parallel safe
begin atomic
  select users.*
  from app_public.users
  where users.id = app_private.current_user_id();
end;
comment on function app_public.current_user() is 'The signed-in person.';
revoke all on function app_public.current_user() from public;
grant execute on function app_public.current_user() to app_user;
