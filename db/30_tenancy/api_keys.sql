/*
 * API keys. The functions are security definer: nobody reads or writes a key's hash. A key stands
 * for its tenant, never for a person: whatever asks for current_user_id() refuses it.
 */
create or replace function app_private.use_api_key(p_key_hash bytea)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  select api_keys.* into v_key
  from app_private.api_key_secrets
  join app_public.api_keys
    on api_keys.tenant_id = api_key_secrets.tenant_id
    and api_keys.id = api_key_secrets.api_key_id
  where api_key_secrets.key_hash = p_key_hash
  and (api_key_secrets.expires_at is null or api_key_secrets.expires_at > now())
  and (api_keys.expires_at is null or api_keys.expires_at > now())
  and api_keys.revoked_at is null;
  if not found then
    raise exception 'The API key is not valid, or no longer'
      using errcode = 'LOGIN',
            hint    = 'Somebody whose role may manage keys can make one: createApiKey.';
  end if;

  /* Once a minute, and never waiting for another request of the same key. */
  if v_key.last_used_at is null or v_key.last_used_at < now() - interval '1 minute' then
    update app_public.api_keys set last_used_at = now()
    where (api_keys.tenant_id, api_keys.id) in (
      select locked.tenant_id, locked.id
      from app_public.api_keys as locked
      where locked.tenant_id = v_key.tenant_id
      and locked.id = v_key.id
      for no key update skip locked
    );
  end if;
  return v_key;
end;
$$;
comment on function app_private.use_api_key(bytea) is
  'The key with this SHA-256, if it stands; notes that it was used. Raises LOGIN.';

create or replace function app_private.issue_api_key_secret(p_tenant_id uuid, p_api_key_id uuid)
  returns text
  language plpgsql volatile parallel unsafe
as $$
declare
  v_is_live boolean := coalesce(
    (nullif(current_setting('app.request', true), '')::jsonb ->> 'livemode')::boolean,
    false
  );
  /* 192 of the 244 random bits of two uuids, hashed so that their fixed bits don't show. */
  v_random text := substr(
    encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 48
  );
  v_secret text := case when v_is_live then 'rh_live_' else 'rh_test_' end || v_random;
begin
  insert into app_private.api_key_secrets (tenant_id, api_key_id, key_hash)
  values (p_tenant_id, p_api_key_id, sha256(convert_to(v_secret, 'UTF8')));
  update app_public.api_keys set hint = left(v_secret, 8) || '…' || right(v_secret, 4)
  where api_keys.tenant_id = p_tenant_id
  and api_keys.id = p_api_key_id;
  return v_secret;
end;
$$;
comment on function app_private.issue_api_key_secret(uuid, uuid) is
  'A new secret for a key: rh_live_ or rh_test_ and 48 hexadecimal digits. Only its hash is kept.';

create or replace function app_private.api_key_to_change(p_api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  perform app_private.require_permission('api_keys.manage');
  select api_keys.* into v_key
  from app_public.api_keys
  where api_keys.tenant_id = app_private.member_tenant_id()
  and api_keys.id = p_api_key_id
  and api_keys.revoked_at is null
  for no key update;
  if not found then
    raise exception 'There is no such API key, or it is revoked'
      using errcode = 'INPUT';
  end if;
  return v_key;
end;
$$;
comment on function app_private.api_key_to_change(uuid) is
  'A standing key of the tenant entered, locked. Raises DNIED, INPUT.';

create or replace function app_private.require_scopes(p_scopes text[])
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if 'billing' = any (p_scopes) then
    perform app_private.require_permission('billing.manage');
  end if;
end;
$$;
comment on function app_private.require_scopes(text[]) is
  'Raises DNIED unless the caller may do what a key with these scopes may: nobody gives a machine '
  'what they don''t have.';

revoke all on function
  app_private.use_api_key(bytea),
  app_private.issue_api_key_secret(uuid, uuid),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  from public;
grant execute on function
  app_private.use_api_key(bytea),
  app_private.issue_api_key_secret(uuid, uuid),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  to app_definer;

create or replace function app_public.create_api_key(
  name text,
  scopes text[],
  expires_at timestamptz default null,
  out api_key app_public.api_keys,
  out secret text
)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := 100;
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_name text := btrim(create_api_key.name, E' \t\r\n');
  v_scopes text[] := array(select distinct unnest(create_api_key.scopes) order by 1);
begin
  perform app_private.require_permission('api_keys.manage');
  perform app_private.require_scopes(v_scopes);
  if coalesce(v_name, '') !~ '[^[:space:]]' or char_length(v_name) > 100 or v_name ~ '[[:cntrl:]]'
  then
    raise exception '"name" must have 1 to 100 printable characters'
      using errcode = 'INPUT';
  end if;
  if cardinality(v_scopes) = 0 or not coalesce(v_scopes <@ array['read', 'write', 'billing'], false)
  then
    raise exception '"scopes" must list some of: read, write, billing'
      using errcode = 'INPUT';
  end if;
  if create_api_key.expires_at <= now() then
    raise exception '"expiresAt" must be in the future'
      using errcode = 'INPUT';
  end if;
  perform app_private.lock_members();
  if v_limit <= (
    select count(*)
    from app_public.api_keys
    where api_keys.tenant_id = v_tenant_id
    and api_keys.revoked_at is null
  ) then
    raise exception 'A tenant may have % API keys', v_limit
      using errcode = 'CNFLT',
            hint    = 'Revoke one that is not used any more.';
  end if;

  insert into app_public.api_keys (name, scopes, hint, expires_at)
  values (v_name, v_scopes, '', create_api_key.expires_at)
  returning api_keys.* into api_key;
  secret := app_private.issue_api_key_secret(v_tenant_id, api_key.id);
  select api_keys.* into api_key
  from app_public.api_keys
  where api_keys.tenant_id = v_tenant_id
  and api_keys.id = api_key.id;
end;
$$;
comment on function app_public.create_api_key(text, text[], timestamptz) is
  E'@resultFieldName result\n'
  'Makes a key for a machine. The secret is shown this once: Authorization: Bearer rh_…. Needs '
  'api_keys.manage, and billing.manage for the scope billing. expiresAt null means never.';
alter function app_public.create_api_key(text, text[], timestamptz) owner to app_definer;
revoke all on function app_public.create_api_key(text, text[], timestamptz) from public;
grant execute on function app_public.create_api_key(text, text[], timestamptz) to app_user;

create or replace function app_public.rotate_api_key(
  api_key_id uuid,
  overlap_seconds integer default 0,
  out api_key app_public.api_keys,
  out secret text
)
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(rotate_api_key.overlap_seconds, -1) not between 0 and 604800 then
    raise exception '"overlapSeconds" must be from 0 to 604,800, a week'
      using errcode = 'INPUT';
  end if;
  api_key := app_private.api_key_to_change(rotate_api_key.api_key_id);
  perform app_private.require_scopes(api_key.scopes);

  delete from app_private.api_key_secrets
  where api_key_secrets.tenant_id = api_key.tenant_id
  and api_key_secrets.api_key_id = api_key.id
  and (rotate_api_key.overlap_seconds = 0 or api_key_secrets.expires_at <= now());
  update app_private.api_key_secrets set
    expires_at = least(
      api_key_secrets.expires_at,
      now() + make_interval(secs => rotate_api_key.overlap_seconds)
    )
  where api_key_secrets.tenant_id = api_key.tenant_id
  and api_key_secrets.api_key_id = api_key.id;

  secret := app_private.issue_api_key_secret(api_key.tenant_id, api_key.id);
  select api_keys.* into api_key
  from app_public.api_keys
  where api_keys.tenant_id = api_key.tenant_id
  and api_keys.id = api_key.id;
end;
$$;
comment on function app_public.rotate_api_key(uuid, integer) is
  E'@resultFieldName result\n'
  'Gives a key a new secret, shown this once. The old one goes on for overlapSeconds (0: stops now), '
  'so that machines can be changed one after the other.';
alter function app_public.rotate_api_key(uuid, integer) owner to app_definer;
revoke all on function app_public.rotate_api_key(uuid, integer) from public;
grant execute on function app_public.rotate_api_key(uuid, integer) to app_user;

create or replace function app_public.revoke_api_key(api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  v_key := app_private.api_key_to_change(revoke_api_key.api_key_id);
  update app_public.api_keys set revoked_at = now()
  where api_keys.tenant_id = v_key.tenant_id
  and api_keys.id = v_key.id
  returning api_keys.* into v_key;
  delete from app_private.api_key_secrets
  where api_key_secrets.tenant_id = v_key.tenant_id
  and api_key_secrets.api_key_id = v_key.id;
  return v_key;
end;
$$;
comment on function app_public.revoke_api_key(uuid) is
  'Ends a key for ever, at its very next use. Needs api_keys.manage.';
alter function app_public.revoke_api_key(uuid) owner to app_definer;
revoke all on function app_public.revoke_api_key(uuid) from public;
grant execute on function app_public.revoke_api_key(uuid) to app_user;
