/*
 * A constraint's name reaches whoever broke it, so it says the rule; a generated one says nothing.
 * (A generated primary or unique key's name says it all, and can't be told from a chosen one.) What
 * app_public holds is shown to frontend developers, so it has a comment.
 */
select
  'warning' as severity,
  format('%s on %s', pg_constraint.conname, tables.name) as object,
  'the constraint has a generated name' as problem,
  format(
    'alter table %s rename constraint %I to …;', tables.name, pg_constraint.conname
  ) as remedy
from pg_catalog.pg_constraint
join tables on tables.oid = pg_constraint.conrelid
where pg_constraint.conparentid = 0
and (
  (pg_constraint.contype = 'c' and pg_constraint.conname ~ '_check[0-9]*$')
  or (pg_constraint.contype = 'x' and pg_constraint.conname ~ '_excl[0-9]*$')
  or (pg_constraint.contype = 'f' and pg_constraint.conname ~ '_id_fkey[0-9]*$')
)
union all
select
  'warning',
  objects.name,
  'an object of the API without a comment',
  format('comment on %s %s is ''…'';', objects.kind, objects.name)
from (
  select
    relations.name,
    case relations.kind when 'v' then 'view' else 'table' end,
    'pg_class'::regclass,
    relations.oid
  from relations
  where relations.kind in ('r', 'p', 'v')
  and not relations.is_child
  and relations.schema = 'app_public'::regnamespace
  union all
  select
    routines.name,
    case pg_proc.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
    'pg_proc'::regclass,
    pg_proc.oid
  from routines
  join pg_catalog.pg_proc on pg_proc.oid = routines.oid
  where routines.schema = 'app_public'::regnamespace
  union all
  select pg_type.oid::regtype::text, 'type', 'pg_type'::regclass, pg_type.oid
  from pg_catalog.pg_type
  left join pg_catalog.pg_class on pg_class.oid = pg_type.typrelid
  where pg_type.typnamespace = 'app_public'::regnamespace
  and pg_type.typtype in ('c', 'd', 'e')
  and coalesce(pg_class.relkind = 'c', true)
) as objects (name, kind, catalog, oid)
left join pg_catalog.pg_description
  on pg_description.classoid = objects.catalog
  and pg_description.objoid = objects.oid
  and pg_description.objsubid = 0
where pg_description.description is null;
