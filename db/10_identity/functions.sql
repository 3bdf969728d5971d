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
  p_name text,
  p_is_email_verified boolean
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

  insert into app_public.users (id, email, name, is_email_verified)
  values (v_user_id, p_email, p_name, p_is_email_verified)
  on conflict (id) do update set
    email = excluded.email,
    name = excluded.name,
    is_email_verified = excluded.is_email_verified
    where (users.email, users.name, users.is_email_verified)
      is distinct from (excluded.email, excluded.name, excluded.is_email_verified);
  return v_user_id;
end;
$$;
comment on function auth.external_user(text, text, text, text, boolean) is
  'The user that an external provider''s person is here, made at their first visit; e-mail, whether '
  'it is verified, and name follow the provider.';
revoke all on function auth.external_user(text, text, text, text, boolean) from public;
grant execute on function auth.external_user(text, text, text, text, boolean) to app_identity;

/*
 * security definer: the identity provider may book its two kinds of mail and nothing else in the
 * queue. The job holds the link, since only the provider knows it: whoever reads the queue could
 * follow it, and the queue is closed to all but the worker. The link is good for an hour; so the
 * job gives up after half an hour of failing, and is gone as soon as the mail is sent. A newer mail
 * of the kind takes the place of one that still waits.
 */
create or replace function app_private.enqueue_identity_mail(
  p_kind text,
  p_user_id uuid,
  p_url text
)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
begin
  if (
    p_kind in ('verify_email', 'reset_password')
    and p_user_id is not null
    and char_length(p_url) between 1 and 4096
  ) is not true then
    raise exception 'There is no such mail, or its link is too long'
      using errcode = 'INPUT';
  end if;
  perform graphile_worker.add_job(
    'send_identity_mail',
    json_build_object('kind', p_kind, 'user_id', p_user_id, 'url', p_url),
    job_key => 'identity_mail:' || p_kind || ':' || p_user_id,
    max_attempts => 8
  );
end;
$$;
comment on function app_private.enqueue_identity_mail(text, uuid, text) is
  'Books the mail with which a person proves their address (verify_email) or sets a new password '
  '(reset_password), with the link that it is about.';
alter function app_private.enqueue_identity_mail(text, uuid, text) owner to app_definer;
revoke all on function app_private.enqueue_identity_mail(text, uuid, text) from public;
grant execute on function app_private.enqueue_identity_mail(text, uuid, text) to app_identity;
