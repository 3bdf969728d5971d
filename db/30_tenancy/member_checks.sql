/* What the functions that change members and invitations ask, and lock, before they act. */
create or replace function app_private.enter_again()
  returns void
  language sql volatile parallel unsafe
begin atomic
  select app_private.enter(
    app_private.current_user_id(),
    app_private.member_tenant_id(),
    current_setting('app.request', true)
  );
end;
comment on function app_private.enter_again() is
  'Looks at the caller''s own membership as it is now. Raises TNFND when it is gone.';

create or replace function app_private.lock_members()
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  /*
   * Changes nothing but the row's version: a transaction that reads by an older snapshot (repeatable
   * read) fails here, where it would pass a mere lock and count owners who have left.
   */
  update app_public.tenants set name = tenants.name
  where tenants.id = app_private.member_tenant_id();

  /* While this waited, the caller may have been demoted or removed. */
  perform app_private.enter_again();
end;
$$;
comment on function app_private.lock_members() is
  'Held while owners or seats are counted, so that two at once cannot both be the last but one. '
  'Looks at the caller''s own membership again once it has the lock. Whoever also locks an '
  'invitation locks that first.';

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

create or replace function app_private.delete_member(p_membership app_public.memberships)
  returns void
  language plpgsql volatile parallel unsafe
as $$
begin
  if p_membership.role = 'owner' then
    perform app_private.require_other_owner(p_membership.user_id);
  end if;
  delete from app_public.memberships
  where memberships.tenant_id = p_membership.tenant_id
  and memberships.user_id = p_membership.user_id;

  /* Whoever took themselves out is out now, not only at their next transaction. */
  if p_membership.user_id = app_private.current_user_id() then
    perform app_private.enter(
      app_private.current_user_id(), null, current_setting('app.request', true)
    );
  end if;
end;
$$;
comment on function app_private.delete_member(app_public.memberships) is
  'Ends a membership of the tenant entered, with the members locked. Raises CNFLT for the last '
  'owner''s.';

revoke all on function
  app_private.enter_again(),
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid),
  app_private.delete_member(app_public.memberships)
  from public;
grant execute on function
  app_private.enter_again(),
  app_private.lock_members(),
  app_private.require_authority_over(text),
  app_private.require_role(text),
  app_private.member_to_change(uuid),
  app_private.require_other_owner(uuid),
  app_private.delete_member(app_public.memberships)
  to app_definer;
