create or replace function app_public.current_tenant()
  returns app_public.tenants
  language sql stable parallel safe
begin atomic
  select tenants.*
  from app_public.tenants
  where tenants.id = app_private.member_tenant_id();
end;
comment on function app_public.current_tenant() is
  'The tenant that the access token names, also while it is suspended.';
revoke all on function app_public.current_tenant() from public;
grant execute on function app_public.current_tenant() to app_user;

/*
 * security definer: a person's tenants lie across tenants, where no policy of app_user reaches. The
 * person is taken from the setting, never from an argument.
 */
create or replace function app_public.my_tenants()
  returns setof app_public.tenants
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select tenants.*
  from app_public.memberships
  join app_public.tenants on tenants.id = memberships.tenant_id
  where memberships.user_id = app_private.current_user_id()
  order by tenants.created_at, tenants.id;
end;
comment on function app_public.my_tenants() is
  E'@fieldName tenants\n'
  'Every tenant the signed-in person belongs to; needs no tenant in the token.';
alter function app_public.my_tenants() owner to app_definer;
revoke all on function app_public.my_tenants() from public;
grant execute on function app_public.my_tenants() to app_user;

-- The person first, by itself: in the condition it might not be asked for, where no row is seen.
create or replace function app_public.current_membership()
  returns app_public.memberships
  language plpgsql stable parallel safe
as $$
declare
  v_user_id uuid := app_private.current_user_id();
  v_membership app_public.memberships;
begin
  select memberships.*
  into v_membership
  from app_public.memberships
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = v_user_id;
  return v_membership;
end;
$$;
comment on function app_public.current_membership() is
  'The signed-in person''s own membership of the current tenant.';
revoke all on function app_public.current_membership() from public;
grant execute on function app_public.current_membership() to app_user;

create or replace function app_public.my_permissions()
  returns text[]
  language sql stable parallel safe
return case when app_private.member_tenant_id() is not null
  then string_to_array(current_setting('app.permissions', true), ' ')
end;
comment on function app_public.my_permissions() is
  E'@fieldName permissions\n'
  'What the caller may do in the current tenant: a person by their role, an API key by its scopes. '
  'Which role may do what is in roles { permissions }.';
revoke all on function app_public.my_permissions() from public;
grant execute on function app_public.my_permissions() to app_user;

/*
 * security definer: a policy shows a person nobody but themselves, and looks nothing up. Here the
 * membership is looked up, so that only the people of the current tenant come back, whatever row
 * was handed in.
 */
create or replace function app_public.memberships_user(membership app_public.memberships)
  returns app_public.users
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select users.*
  from app_public.memberships
  join app_public.users on users.id = memberships.user_id
  where memberships.tenant_id = app_private.member_tenant_id()
  and memberships.user_id = memberships_user.membership.user_id
  and app_private.has_permission('members.read');
end;
comment on function app_public.memberships_user(app_public.memberships) is
  E'@fieldName user\nWhose membership it is.';
alter function app_public.memberships_user(app_public.memberships) owner to app_definer;
revoke all on function app_public.memberships_user(app_public.memberships) from public;
grant execute on function app_public.memberships_user(app_public.memberships) to app_user;
