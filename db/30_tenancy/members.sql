/*
 * Who belongs to a tenant, and as what. These functions are security definer, because nobody may
 * write memberships: a role is never one's own to choose. Each asks for the permission, takes the
 * tenant's lock before it counts owners, and works only inside the tenant entered. Letting people
 * go is possible also while the tenant is suspended; it costs nothing and may be urgent.
 */
create or replace function app_private.lock_members()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  perform from app_public.tenants
  where tenants.id = app_private.member_tenant_id()
  for no key update;

  /* While this waited, the caller may have been demoted or removed. */
  perform app_private.enter(
    app_private.current_user_id(),
    app_private.member_tenant_id(),
    current_setting('app.request', true)
  );
end;
$$;
comment on function app_private.lock_members() is
  'Held while owners or seats are counted, so that two at once cannot both be the last but one. '
  'Looks at the caller''s own membership again once it has the lock.';

create or replace function app_private.require_authority_over(p_role text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if exists (
    select
    from app_public.role_permissions
    where role_permissions.role_key = p_role
    and not app_private.has_permission(role_permissions.permission)
  ) then
    raise exception 'That role may do more than yours'
      using errcode = 'DNIED',
            detail  = json_build_object('role', p_role)::text,
            hint    = 'Ask an owner of the tenant.';
  end if;
end;
$$;
comment on function app_private.require_authority_over(text) is
  'Raises DNIED unless the caller holds every permission of the role: nobody grants, or takes away, '
  'what they don''t have.';

create or replace function app_private.require_role(p_role text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (select from app_public.roles where roles.key = p_role) then
    raise exception 'There is no such role'
      using errcode = 'INPUT',
            hint    = 'The query "roles" lists them.';
  end if;
end;
$$;
comment on function app_private.require_role(text) is 'Raises INPUT unless there is such a role.';

create or replace function app_private.member_to_change(p_user_id uuid)
  returns app_public.memberships
  language plpgsql stable parallel safe
as $$
declare
  v_membership app_public.memberships;
begin
  select memberships.* into v_membership
  from app_public.memberships
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = p_user_id;
  if not found then
    raise exception 'The tenant has no such member'
      using errcode = 'INPUT';
  end if;
  return v_membership;
end;
$$;
comment on function app_private.member_to_change(uuid) is
  'The membership of a person in the tenant entered. Raises INPUT.';

create or replace function app_private.require_other_owner(p_user_id uuid)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not exists (
    select
    from app_public.memberships
    where memberships.tenant_id = app_private.member_tenant_id()
    and memberships.role = 'owner'
    and memberships.user_id <> p_user_id
  ) then
    raise exception 'A tenant must keep an owner'
      using errcode = 'CNFLT',
            hint    = 'Make somebody else an owner first: transferOwnership.';
  end if;
end;
$$;
comment on function app_private.require_other_owner(uuid) is
  'Raises CNFLT if the tenant would be without an owner once this one is gone.';

revoke all on function
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid)
  from public;
grant execute on function
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid)
  to app_definer;

create or replace function app_public.remove_member(user_id uuid)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('members.remove');
  v_membership := app_private.member_to_change(remove_member.user_id);
  perform app_private.require_authority_over(v_membership.role);
  if v_membership.role = 'owner' then
    perform app_private.require_other_owner(v_membership.user_id);
  end if;

  delete from app_public.memberships
  where memberships.tenant_id = v_membership.tenant_id
  and memberships.user_id = v_membership.user_id;
  return v_membership;
end;
$$;
comment on function app_public.remove_member(uuid) is
  'Takes a person out of the tenant, at once. Needs members.remove, and every permission that the '
  'person''s role has. Errors: FORBIDDEN, CONFLICT for the last owner.';
alter function app_public.remove_member(uuid) owner to app_definer;
revoke all on function app_public.remove_member(uuid) from public;
grant execute on function app_public.remove_member(uuid) to app_user;

create or replace function app_public.leave_tenant()
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  v_membership := app_private.member_to_change(app_private.current_user_id());
  if v_membership.role = 'owner' then
    perform app_private.require_other_owner(v_membership.user_id);
  end if;

  delete from app_public.memberships
  where memberships.tenant_id = v_membership.tenant_id
  and memberships.user_id = v_membership.user_id;
  return v_membership;
end;
$$;
comment on function app_public.leave_tenant() is
  'Takes oneself out of the tenant, at once. Errors: CONFLICT for the last owner.';
alter function app_public.leave_tenant() owner to app_definer;
revoke all on function app_public.leave_tenant() from public;
grant execute on function app_public.leave_tenant() to app_user;

create or replace function app_public.change_member_role(user_id uuid, role text)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_membership app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('members.change_role');
  perform app_private.require_role(change_member_role.role);
  v_membership := app_private.member_to_change(change_member_role.user_id);
  perform app_private.require_authority_over(v_membership.role);
  perform app_private.require_authority_over(change_member_role.role);
  if v_membership.role = 'owner' and change_member_role.role <> 'owner' then
    perform app_private.require_other_owner(v_membership.user_id);
  end if;

  update app_public.memberships set role = change_member_role.role
  where memberships.tenant_id = v_membership.tenant_id
  and memberships.user_id = v_membership.user_id
  returning memberships.* into v_membership;
  return v_membership;
end;
$$;
comment on function app_public.change_member_role(uuid, text) is
  'Gives a member another role. Needs members.change_role, and every permission of both the old '
  'role and the new one. Errors: FORBIDDEN, CONFLICT for the last owner.';
alter function app_public.change_member_role(uuid, text) owner to app_definer;
revoke all on function app_public.change_member_role(uuid, text) from public;
grant execute on function app_public.change_member_role(uuid, text) to app_user;

create or replace function app_public.transfer_ownership(user_id uuid)
  returns app_public.memberships
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_heir app_public.memberships;
begin
  perform app_private.lock_members();
  perform app_private.require_permission('tenant.transfer');
  v_heir := app_private.member_to_change(transfer_ownership.user_id);
  if v_heir.user_id = app_private.current_user_id() then
    raise exception 'You are an owner already'
      using errcode = 'INPUT';
  end if;

  update app_public.memberships set role = 'owner'
  where memberships.tenant_id = v_heir.tenant_id
  and memberships.user_id = v_heir.user_id
  returning memberships.* into v_heir;
  update app_public.memberships set role = 'admin'
  where memberships.tenant_id = v_heir.tenant_id
  and memberships.user_id = app_private.current_user_id();
  return v_heir;
end;
$$;
comment on function app_public.transfer_ownership(uuid) is
  'Makes another member an owner and the caller an admin. Needs tenant.transfer. Answers with the '
  'new owner''s membership.';
alter function app_public.transfer_ownership(uuid) owner to app_definer;
revoke all on function app_public.transfer_ownership(uuid) from public;
grant execute on function app_public.transfer_ownership(uuid) to app_user;
