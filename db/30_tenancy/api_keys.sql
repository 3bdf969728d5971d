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
  update app_private.api_key_uses set last_used_at = now()
  where (api_key_uses.tenant_id, api_key_uses.api_key_id) in (
    select due.tenant_id, due.api_key_id
    from app_private.api_key_uses as due
    where due.tenant_id = v_key.tenant_id
    and due.api_key_id = v_key.id
    and (due.last_used_at is null or due.last_used_at < now() - interval '1 minute')
    for no key update skip locked
  );
  return v_key;
end;
$$;
comment on function app_private.use_api_key(bytea) is
  'The key with this SHA-256, if it stands; notes that it was used. Raises LOGIN.';

create or replace function app_private.new_api_key_secret()
  returns text
  language sql volatile parallel unsafe
/* 192 of the 244 random bits of two uuids, hashed so that their fixed bits don't show. */
return case
    when (nullif(current_setting('app.request', true), '')::jsonb ->> 'livemode')::boolean
      then 'rh_live_'
    else 'rh_test_'
  end
  || substr(
    encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 48
  );
comment on function app_private.new_api_key_secret() is
  'A new secret for a key: rh_live_ or rh_test_ and 48 hexadecimal digits.';

create or replace function app_private.api_key_hint(p_secret text)
  returns text
  language sql immutable parallel safe
return left(p_secret, 8) || '…' || right(p_secret, 4);
comment on function app_private.api_key_hint(text) is
  'What is shown of a secret ever after: the end has 16 of its 192 bits.';

create or replace function app_private.keep_api_key_secret(
  p_tenant_id uuid,
  p_api_key_id uuid,
  p_secret text
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  insert into app_private.api_key_secrets (tenant_id, api_key_id, key_hash)
  values (p_tenant_id, p_api_key_id, sha256(convert_to(p_secret, 'UTF8')));
end;
comment on function app_private.keep_api_key_secret(uuid, uuid, text) is
  'Lets a key be used by this secret, of which only the hash is kept.';

create or replace function app_private.api_key_to_change(p_api_key_id uuid)
  returns app_public.api_keys
  language plpgsql volatile parallel unsafe
as $$
declare
  v_key app_public.api_keys;
begin
  /* Whoever was demoted meanwhile must not walk out with a secret. */
  perform app_private.require_permission('api_keys.manage');
  perform app_private.lock_members();
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
  app_private.new_api_key_secret(),
  app_private.api_key_hint(text),
  app_private.keep_api_key_secret(uuid, uuid, text),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  from public;
grant execute on function
  app_private.use_api_key(bytea),
  app_private.new_api_key_secret(),
  app_private.api_key_hint(text),
  app_private.keep_api_key_secret(uuid, uuid, text),
  app_private.api_key_to_change(uuid),
  app_private.require_scopes(text[])
  to app_definer;

create or replace function app_public.api_keys_last_used_at(api_key app_public.api_keys)
  returns timestamptz
  language sql stable parallel safe
begin atomic
  select api_key_uses.last_used_at
  from app_private.api_key_uses
  where api_key_uses.tenant_id = api_keys_last_used_at.api_key.tenant_id
  and api_key_uses.api_key_id = api_keys_last_used_at.api_key.id;
end;
comment on function app_public.api_keys_last_used_at(app_public.api_keys) is
  'To the minute; null before the first use. A request that fails does not count.';
revoke all on function app_public.api_keys_last_used_at(app_public.api_keys) from public;
grant execute on function app_public.api_keys_last_used_at(app_public.api_keys) to app_user;
