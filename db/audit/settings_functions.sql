/*
 * Every policy trusts what these functions return; policy_canonical compares their names only. So
 * each is there once, without an overload that could stand in for it, and says word for word what
 * 00_foundation says; and the two that refuse can do nothing else, for they return nothing.
 */
with wanted (name, arguments, body) as (
  select
    'app_private.' || setting || '()',
    '',
    format(
      'RETURN COALESCE((NULLIF(current_setting(''app.%s''::text, (ROW(1, 2) < ROW(2, 1))), ''''::text))::uuid, '
      '(app_private.%s)',
      setting,
      refusal
    )
  from (
    values
      ('current_user_id', 'refuse_user()).user_id'),
      ('member_tenant_id', 'refuse_tenant(''read''::text)).tenant_id'),
      ('current_tenant_id', 'refuse_tenant(''read''::text)).tenant_id'),
      ('writable_tenant_id', 'refuse_tenant(''write''::text)).tenant_id')
  ) as settings (setting, refusal)
  union all
  values (
    'app_private.has_permission(text)',
    'text',
    'RETURN COALESCE((permission = ANY (string_to_array(current_setting(''app.permissions''::text, '
    || 'true), '' ''::text))), false)'
  )
  union all
  values ('app_private.refuse_user()', '', null), ('app_private.refuse_tenant(text)', 'text', null)
)
select
  'error' as severity,
  coalesce(routines.name, wanted.name) as object,
  case
    when routines.oid is null then 'the function that policies rest on is gone'
    when routines.name <> wanted.name then 'an overload of a function that policies rest on'
    else 'a function that policies rest on says something else than db/00_foundation'
  end as problem,
  case
    when routines.oid is not null and routines.name <> wanted.name
      then format('drop function %s;', routines.name)
    else 'Run db/00_foundation/settings.sql and db/00_foundation/permissions.sql again.'
  end as remedy
from wanted
left join routines
  on routines.schema = 'app_private'::regnamespace
  and split_part(routines.name, '(', 1) = split_part(wanted.name, '(', 1)
left join pg_catalog.pg_proc on pg_proc.oid = routines.oid
where routines.oid is null
or routines.name <> wanted.name
or case
  when wanted.body is null then pg_proc.prosrc ~* '\mreturn\M' or pg_proc.prosrc !~* '\mraise\M'
  else pg_get_function_sqlbody(routines.oid) is distinct from wanted.body
end;
