/* Everything belongs to rowhouse_owner, whom nobody can log in as; only definers have their own. */
with objects (name, kind, owner, is_ours) as (
  select 'schema ' || pg_namespace.nspname, 'schema', pg_namespace.nspowner, audited_schemas.is_ours
  from pg_catalog.pg_namespace
  join audited_schemas on audited_schemas.oid = pg_namespace.oid
  union all
  select
    relations.name,
    case relations.kind
      when 'v' then 'view'
      when 'm' then 'materialized view'
      when 'f' then 'foreign table'
      when 'S' then 'sequence'
      else 'table'
    end,
    pg_class.relowner,
    relations.is_ours
  from relations
  join pg_catalog.pg_class on pg_class.oid = relations.oid
  union all
  select pg_type.oid::regtype::text, 'type', pg_type.typowner, audited_schemas.is_ours
  from pg_catalog.pg_type
  join audited_schemas on audited_schemas.oid = pg_type.typnamespace
  where pg_type.typtype in ('d', 'e')
  union all
  select routines.name, 'routine', pg_proc.proowner, audited_schemas.is_ours
  from routines
  join pg_catalog.pg_proc on pg_proc.oid = routines.oid
  join audited_schemas on audited_schemas.oid = routines.schema
  where not pg_proc.prosecdef
)
select
  'error' as severity,
  objects.name as object,
  'owned by ' || objects.owner::regrole as problem,
  format(
    'alter %s owner to rowhouse_owner;',
    case objects.kind when 'schema' then objects.name else objects.kind || ' ' || objects.name end
  ) as remedy
from objects
where case
  when objects.is_ours then objects.owner <> 'rowhouse_owner'::regrole
  else objects.owner in (select run_time_roles.oid from run_time_roles)
end;
