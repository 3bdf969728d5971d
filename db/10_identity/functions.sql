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

create or replace function auth.external_user(
  p_issuer text,
  p_subject text,
  p_email text,
  p_name text
)
  returns uuid
  language plpgsql volatile parallel unsafe
as $$
declare
  v_user_id uuid;
begin
  /* The update changes nothing; it makes the row come back, also to whoever lost the race. */
  insert into auth.external_identities (issuer, subject)
  values (p_issuer, p_subject)
  on conflict (issuer, subject) do update set issuer = excluded.issuer
  returning external_identities.user_id into v_user_id;

  insert into app_public.users (id, email, name)
  values (v_user_id, p_email, p_name)
  on conflict (id) do update set email = excluded.email, name = excluded.name
    where (users.email, users.name) is distinct from (excluded.email, excluded.name);
  return v_user_id;
end;
$$;
comment on function auth.external_user(text, text, text, text) is
  'The user that an external provider''s person is here, made at their first visit; e-mail and name '
  'follow the provider.';
revoke all on function auth.external_user(text, text, text, text) from public;
grant execute on function auth.external_user(text, text, text, text) to app_identity;
