/* What those whose role may manage API keys can do with them. */
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
  if create_api_key.expires_at <= now() or not isfinite(create_api_key.expires_at) then
    raise exception '"expiresAt" must be in the future'
      using errcode = 'INPUT';
  end if;

  /* After the lock, because the caller may have been demoted while this waited for it. */
  perform app_private.lock_members();
  perform app_private.require_permission('api_keys.manage');
  perform app_private.require_scopes(v_scopes);
  if v_limit <= (
    select count(*)
    from app_public.api_keys
    where api_keys.tenant_id = v_tenant_id
    and api_keys.revoked_at is null
    and (api_keys.expires_at is null or api_keys.expires_at > now())
  ) then
    raise exception 'A tenant may have % API keys', v_limit
      using errcode = 'CNFLT',
            hint    = 'Revoke one that is not used any more.';
  end if;

  secret := app_private.new_api_key_secret();
  insert into app_public.api_keys (name, scopes, hint, expires_at)
  values (v_name, v_scopes, app_private.api_key_hint(secret), create_api_key.expires_at)
  returning api_keys.* into api_key;
  insert into app_private.api_key_uses (tenant_id, api_key_id)
  values (api_key.tenant_id, api_key.id);
  perform app_private.keep_api_key_secret(api_key.tenant_id, api_key.id, secret);
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
declare
  v_limit constant integer := 10;
begin
  if coalesce(rotate_api_key.overlap_seconds, -1) not between 0 and 604800 then
    raise exception '"overlapSeconds" must be from 0 to 604,800, a week'
      using errcode = 'INPUT';
  end if;
  api_key := app_private.api_key_to_change(rotate_api_key.api_key_id);
  perform app_private.require_scopes(api_key.scopes);
  if api_key.expires_at <= now() then
    raise exception 'The API key has expired'
      using errcode = 'INPUT',
            hint    = 'Make another: createApiKey.';
  end if;

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
  if v_limit <= (
    select count(*)
    from app_private.api_key_secrets
    where api_key_secrets.tenant_id = api_key.tenant_id
    and api_key_secrets.api_key_id = api_key.id
  ) then
    raise exception 'An API key may have % secrets at once', v_limit
      using errcode = 'CNFLT',
            hint    = 'Rotate with overlapSeconds 0, which ends the earlier ones.';
  end if;

  secret := app_private.new_api_key_secret();
  perform app_private.keep_api_key_secret(api_key.tenant_id, api_key.id, secret);
  update app_public.api_keys set hint = app_private.api_key_hint(secret)
  where api_keys.tenant_id = api_key.tenant_id
  and api_keys.id = api_key.id
  returning api_keys.* into api_key;
end;
$$;
comment on function app_public.rotate_api_key(uuid, integer) is
  E'@resultFieldName result\n'
  'Gives a key a new secret, shown this once. The old one goes on for overlapSeconds (0: stops now), '
  'so that machines can be changed one after the other. Needs what createApiKey needs.';
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
