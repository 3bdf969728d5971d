create or replace function app_private.has_permission(permission text)
  returns boolean
  language sql stable parallel safe
return coalesce(
  has_permission.permission = any (
    pg_catalog.string_to_array(pg_catalog.current_setting('app.permissions', true), ' ')
  ),
  false
);
comment on function app_private.has_permission(text) is
  'Whether the caller''s role in the tenant allows this; for policies, where it is a constant.';

create or replace function app_private.require_permission(permission text)
  returns void
  language plpgsql stable parallel safe
as $$
begin
  if not app_private.has_permission(require_permission.permission) then
    raise exception 'Your role does not allow this'
      using errcode = 'DNIED',
            detail  = pg_catalog.json_build_object(
                        'permission', require_permission.permission
                      )::text,
            hint    = 'Ask an owner of the tenant.';
  end if;
end;
$$;
comment on function app_private.require_permission(text) is
  'Raises DNIED unless the caller''s role in the tenant allows this.';

revoke all on function
  app_private.has_permission(text),
  app_private.require_permission(text)
  from public;
grant execute on function
  app_private.has_permission(text),
  app_private.require_permission(text)
  to app_user, app_definer;
