/*
 * Who belongs to a tenant, and as what. These functions are security definer, because nobody may
 * write memberships: a role is never one's own to choose. Each asks for the permission, takes the
 * tenant's lock before it counts owners, and works only inside the tenant entered. Letting people
 * go is possible also while the tenant is suspended; it costs nothing and may be urgent.
 */
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
  perform app_private.delete_member(v_membership);
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
  perform app_private.delete_member(v_membership);
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
  perform app_private.enter_again();
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
  /* Roles are data: one that may transfer need not hold all that an owner, or an admin, does. */
  perform app_private.require_authority_over('owner');
  perform app_private.require_authority_over('admin');
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
  perform app_private.enter_again();
  return v_heir;
end;
$$;
comment on function app_public.transfer_ownership(uuid) is
  'Makes another member an owner and the caller an admin. Needs tenant.transfer, and every '
  'permission of both roles. Answers with the new owner''s membership. Errors: FORBIDDEN, '
  'BAD_USER_INPUT.';
alter function app_public.transfer_ownership(uuid) owner to app_definer;
revoke all on function app_public.transfer_ownership(uuid) from public;
grant execute on function app_public.transfer_ownership(uuid) to app_user;
