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
