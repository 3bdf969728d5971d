create or replace function app_private.tg_auth_users__mirror()
  returns trigger
  language plpgsql volatile
as $$
begin
  insert into app_public.users (id, email, name)
  values (new.id, new.email, new.name)
  on conflict (id) do update set email = excluded.email, name = excluded.name;
  return null;
end;
$$;
comment on function app_private.tg_auth_users__mirror() is
  'Keeps app_public.users in step with the people who sign in here.';
revoke all on function app_private.tg_auth_users__mirror() from public;
grant execute on function app_private.tg_auth_users__mirror() to app_identity;

create or replace trigger _100_mirror
  after insert or update of email, name on auth.users
  for each row execute function app_private.tg_auth_users__mirror();
