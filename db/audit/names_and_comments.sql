/*
 * A constraint's name reaches whoever broke it, so it says the rule; a generated one says nothing.
 * (A generated primary or unique key's name says it all, and can't be told from a chosen one.) What
 * app_public holds is shown to frontend developers, so it has a comment.
 */
select
  'warning' as severity,
  format('%s on %s', pg_constraint.conname, pg_constraint.conrelid::regclass) as object,
  'the constraint has a generated name' as problem,
  format(
    'alter table %s rename constraint %I to …;',
    pg_constraint.conrelid::regclass,
    pg_constraint.conname
  ) as remedy
from pg_catalog.pg_constraint
where pg_constraint.connamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
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
    pg_class.oid::regclass::text,
    case pg_class.relkind when 'v' then 'view' else 'table' end,
    obj_description(pg_class.oid, 'pg_class')
  from pg_catalog.pg_class
  where pg_class.relkind in ('r', 'p', 'v')
  and not pg_class.relispartition
  and pg_class.relnamespace = 'app_public'::regnamespace
  union all
  select
    pg_proc.oid::regprocedure::text,
    'function',
    obj_description(pg_proc.oid, 'pg_proc')
  from pg_catalog.pg_proc
  where pg_proc.pronamespace = 'app_public'::regnamespace
  union all
  select
    pg_type.oid::regtype::text,
    'type',
    obj_description(pg_type.oid, 'pg_type')
  from pg_catalog.pg_type
  left join pg_catalog.pg_class on pg_class.oid = pg_type.typrelid
  where pg_type.typnamespace = 'app_public'::regnamespace
  and pg_type.typtype in ('c', 'd', 'e')
  and coalesce(pg_class.relkind = 'c', true)
) as objects (name, kind, comment)
where objects.comment is null;
