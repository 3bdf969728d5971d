create or replace function app_private.tg_auth_users__mirror()
  returns trigger
  language plpgsql volatile
as $$
begin
  insert into app_public.users (id, email, name, is_email_verified)
  values (new.id, new.email, new.name, new.email_verified)
  on conflict (id) do update set
    email = excluded.email,
    name = excluded.name,
    is_email_verified = excluded.is_email_verified;
  return null;
end;
$$;
comment on function app_private.tg_auth_users__mirror() is
  'Keeps app_public.users in step with the people who sign in here.';
revoke all on function app_private.tg_auth_users__mirror() from public;
grant execute on function app_private.tg_auth_users__mirror() to app_identity;

create or replace trigger _100_mirror
  after insert or update of email, name, email_verified on auth.users
  for each row execute function app_private.tg_auth_users__mirror();

/*
 * Whatever changes an address, also a plugin of better-auth that is added one day, must not carry
 * the old address's proof over to the new one: an invitation is accepted on the strength of it.
 */
create or replace function app_private.tg_auth_users__unverify()
  returns trigger
  language plpgsql volatile
as $$
begin
  new.email_verified := false;
  return new;
end;
$$;
comment on function app_private.tg_auth_users__unverify() is
  'A changed address is not verified, whatever the old one was.';
revoke all on function app_private.tg_auth_users__unverify() from public;
grant execute on function app_private.tg_auth_users__unverify() to app_identity;

create or replace trigger _050_unverify
  before update on auth.users
  for each row when (new.email is distinct from old.email)
  execute function app_private.tg_auth_users__unverify();
