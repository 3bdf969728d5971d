/*
 * The one door. The server calls it at the start of every transaction, as its login role, before it
 * becomes app_user: so a removed member or a suspended tenant is out at the next transaction,
 * whatever the token says, and no policy has to look anything up.
 *
 * security definer, because memberships are not the login role's to read. Only the login role may
 * call it: a statement injected as app_user can't enter as somebody else.
 */
create or replace function app_private.enter(p_user_id uuid, p_tenant_id uuid)
  returns void
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_access text;
  v_reason text;
  v_permissions text;
begin
  if p_tenant_id is not null then
    select
      tenants.access,
      tenants.access_reason,
      array_to_string(
        array(
          select role_permissions.permission
          from app_public.role_permissions
          where role_permissions.role_key = memberships.role
        ),
        ' '
      )
    into v_access, v_reason, v_permissions
    from app_public.memberships
    join app_public.tenants on tenants.id = memberships.tenant_id
    where memberships.tenant_id = p_tenant_id
    and memberships.user_id = p_user_id;

    if not found then
      raise exception 'No such tenant, or you are not a member of it'
        using errcode = 'TNFND',
              hint    = 'The query "tenants" lists those you belong to.';
    end if;
  end if;

  perform
    set_config('app.current_user_id', coalesce(p_user_id::text, ''), true),
    set_config('app.member_tenant_id', coalesce(p_tenant_id::text, ''), true),
    set_config(
      'app.current_tenant_id',
      case when v_access in ('full', 'read_only') then p_tenant_id::text else '' end,
      true
    ),
    set_config(
      'app.writable_tenant_id',
      case when v_access = 'full' then p_tenant_id::text else '' end,
      true
    ),
    set_config('app.access', coalesce(v_access, ''), true),
    set_config('app.access_reason', coalesce(v_reason, ''), true),
    set_config('app.permissions', coalesce(v_permissions, ''), true);
end;
$$;
comment on function app_private.enter(uuid, uuid) is
  'Begins a request: checks that the person is a member of the tenant now, and sets the '
  'transaction''s settings. Either may be null: a visitor, a person between tenants. Raises TNFND.';
alter function app_private.enter(uuid, uuid) owner to app_definer;
revoke all on function app_private.enter(uuid, uuid) from public;
grant execute on function app_private.enter(uuid, uuid) to rowhouse_server;
