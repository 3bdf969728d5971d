/*
 * The one door. The server calls it at the start of every transaction, as its login role, before it
 * becomes app_user: so a removed member, a revoked key or a suspended tenant is out at the next
 * transaction, whatever the token says, and no policy has to look anything up.
 *
 * security definer, because memberships are not the login role's to read. Only the login role may
 * call it: a statement injected as app_user can't enter as somebody else. (accept_invitation, which
 * app_definer owns, enters the tenant it has just made the caller a member of.)
 */
create or replace function app_private.enter(
  p_user_id uuid,
  p_tenant_id uuid,
  p_request text default null,
  p_api_key_hash bytea default null
)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := p_user_id;
  v_tenant_id uuid := p_tenant_id;
  v_access text;
  v_reason text;
  v_permissions text;
  v_key app_public.api_keys;
  v_can_read boolean := true;
  v_can_write boolean := true;
  v_settings text[];
begin
  if p_api_key_hash is not null then
    v_key := app_private.use_api_key(p_api_key_hash);
    v_user_id := null;
    v_tenant_id := v_key.tenant_id;
    v_can_write := 'write' = any (v_key.scopes);
    v_can_read := v_can_write or 'read' = any (v_key.scopes);
    v_permissions := concat_ws(
      ' ',
      case when v_can_read then 'members.read' end,
      case when 'billing' = any (v_key.scopes) then 'billing.manage' end
    );
    select tenants.access, tenants.access_reason
    into v_access, v_reason
    from app_public.tenants
    where tenants.id = v_tenant_id;
  elsif v_tenant_id is not null then
    select
      tenants.access,
      tenants.access_reason,
      array_to_string(
        array(
          select role_permissions.permission
          from app_public.role_permissions
          where role_permissions.role_key = memberships.role
          order by role_permissions.permission
        ),
        ' '
      )
    into v_access, v_reason, v_permissions
    from app_public.memberships
    join app_public.tenants on tenants.id = memberships.tenant_id
    where memberships.tenant_id = v_tenant_id
    and memberships.user_id = v_user_id;

    if not found then
      raise exception 'No such tenant, or you are not a member of it'
        using errcode = 'TNFND',
              hint    = 'The query "tenants" lists those you belong to.';
    end if;
  end if;

  -- An expression and no query: evaluated by itself it takes half the time.
  v_settings := array[
    set_config('app.current_user_id', coalesce(v_user_id::text, ''), true),
    set_config('app.api_key_id', coalesce(v_key.id::text, ''), true),
    set_config('app.member_tenant_id', coalesce(v_tenant_id::text, ''), true),
    set_config(
      'app.current_tenant_id',
      case when v_can_read and v_access in ('full', 'read_only') then v_tenant_id::text else '' end,
      true
    ),
    set_config(
      'app.writable_tenant_id',
      case when v_can_write and v_access = 'full' then v_tenant_id::text else '' end,
      true
    ),
    set_config('app.access', coalesce(v_access, ''), true),
    set_config('app.access_reason', coalesce(v_reason, ''), true),
    set_config('app.permissions', coalesce(v_permissions, ''), true),
    set_config('app.request', coalesce(p_request, ''), true)
  ];
end;
$$;
comment on function app_private.enter(uuid, uuid, text, bytea) is
  'Begins a request: checks that the person is a member of the tenant now, or that the API key '
  'stands, and sets the transaction''s settings. Person and tenant may be null: a visitor, a person '
  'between tenants. p_request is JSON, {"ip", "requestId", "livemode"}; p_api_key_hash is the '
  'key''s SHA-256 and brings its own tenant. Raises TNFND, LOGIN.';
alter function app_private.enter(uuid, uuid, text, bytea) owner to app_definer;
revoke all on function app_private.enter(uuid, uuid, text, bytea) from public;
grant execute on function app_private.enter(uuid, uuid, text, bytea) to rowhouse_server;
