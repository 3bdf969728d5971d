/*
 * Numbers counted up over all tenants tell each of them how many rows the others made, and a
 * neighbour's id can be guessed. A uuid (uuidv7(), which sorts by time) tells nothing.
 */
select
  'warning' as severity,
  format('%I of %s', pg_attribute.attname, tables.name) as object,
  'a tenant''s rows are numbered by a sequence that all tenants share' as problem,
  format(
    'Make it uuid not null default uuidv7(): %I of %s.', pg_attribute.attname, tables.name
  ) as remedy
from tables
join pg_catalog.pg_attribute on pg_attribute.attrelid = tables.oid
left join pg_catalog.pg_attrdef
  on pg_attrdef.adrelid = tables.oid and pg_attrdef.adnum = pg_attribute.attnum
where tables.tenant_column is not null
and pg_attribute.attnum > 0
and not pg_attribute.attisdropped
and (
  pg_attribute.attidentity <> ''
  or (
    pg_attribute.attgenerated = ''
    and exists (
      select
      from pg_catalog.pg_depend
      join pg_catalog.pg_class on pg_class.oid = pg_depend.refobjid
      where pg_depend.classid = 'pg_attrdef'::regclass
      and pg_depend.objid = pg_attrdef.oid
      and pg_depend.refclassid = 'pg_class'::regclass
      and pg_class.relkind = 'S'
    )
  )
);
