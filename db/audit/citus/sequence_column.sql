/*
 * A sequence is an object of one node, which all others would have to ask; uuids are made anywhere.
 */
select
  'warning' as severity,
  format('%I of %s', pg_attribute.attname, tables.name) as object,
  'a column of a tenant table is numbered by a sequence' as problem,
  'Make it uuid not null default uuidv7().' as remedy
from tables
join pg_catalog.pg_attribute on pg_attribute.attrelid = tables.oid
left join pg_catalog.pg_attrdef
  on pg_attrdef.adrelid = tables.oid and pg_attrdef.adnum = pg_attribute.attnum
where tables.tenant_column is not null
and pg_attribute.attnum > 0
and (
  pg_attribute.attidentity <> ''
  or exists (
    select
    from pg_catalog.pg_depend
    join pg_catalog.pg_class on pg_class.oid = pg_depend.refobjid
    where pg_depend.classid = 'pg_attrdef'::regclass
    and pg_depend.objid = pg_attrdef.oid
    and pg_depend.refclassid = 'pg_class'::regclass
    and pg_class.relkind = 'S'
  )
);
