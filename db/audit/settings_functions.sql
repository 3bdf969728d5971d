/*
 * Every policy trusts what these functions return; policy_canonical compares their names only, and
 * the bodies that policy_bodies compares name each other as they are printed. So each is there once,
 * without an overload that could stand in for it.
 */
with wanted (name) as (
  values
    ('app_private.refuse_user()'),
    ('app_private.api_key_lacks_scope()'),
    ('app_private.refuse_tenant(text)'),
    ('app_private.current_user_id()'),
    ('app_private.member_tenant_id()'),
    ('app_private.current_tenant_id()'),
    ('app_private.writable_tenant_id()'),
    ('app_private.has_permission(text)')
)
select
  'error' as severity,
  coalesce(routines.name, wanted.name) as object,
  case
    when routines.oid is null then 'the function that policies rest on is gone'
    else 'an overload of a function that policies rest on'
  end as problem,
  case
    when routines.oid is null
      then 'Run db/00_foundation/settings.sql and db/00_foundation/permissions.sql again.'
    else format('drop function %s;', routines.name)
  end as remedy
from wanted
left join routines
  on routines.schema = 'app_private'::regnamespace
  and split_part(routines.name, '(', 1) = split_part(wanted.name, '(', 1)
where routines.name is distinct from wanted.name;
