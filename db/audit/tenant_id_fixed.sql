/*
 * A row's tenant is what the transaction says at its birth, and never changes: no statement of a
 * person or a visitor may name it, and there is no row without it. (Definer functions and tasks
 * name it; what they may write is in their own policies.)
 */
select
  'error' as severity,
  tables.name as object,
  writers.role || ' may write tenant_id' as problem,
  concat_ws(
    ' ',
    format('revoke insert, update on %s from %s, public;', tables.name, writers.role),
    'grant ' || nullif(
      concat_ws(', ', 'insert (' || others.insertable || ')', 'update (' || others.updatable || ')'),
      ''
    ) || format(' on %s to %s;', tables.name, writers.role)
  ) as remedy
from tables
cross join (values ('app_user'), ('app_anonymous')) as writers (role)
cross join lateral (
  select
    string_agg(quote_ident(pg_attribute.attname), ', ' order by pg_attribute.attnum)
      filter (where has_column_privilege(writers.role, tables.oid, pg_attribute.attnum, 'insert')),
    string_agg(quote_ident(pg_attribute.attname), ', ' order by pg_attribute.attnum)
      filter (where has_column_privilege(writers.role, tables.oid, pg_attribute.attnum, 'update'))
  from pg_catalog.pg_attribute
  where pg_attribute.attrelid = tables.oid
  and pg_attribute.attnum > 0
  and pg_attribute.attnum <> tables.tenant_column
  and not pg_attribute.attisdropped
  and pg_attribute.attgenerated = ''
) as others (insertable, updatable)
where tables.tenant_column is not null
and (
  has_column_privilege(writers.role, tables.oid, tables.tenant_column, 'update')
  or has_column_privilege(writers.role, tables.oid, tables.tenant_column, 'insert')
)
union all
select
  'error',
  tables.name,
  'tenant_id may be null or is no uuid',
  format(
    'alter table %s alter column tenant_id type uuid using tenant_id::text::uuid, '
    'alter column tenant_id set not null;',
    tables.name
  )
from tables
join pg_catalog.pg_attribute
  on pg_attribute.attrelid = tables.oid and pg_attribute.attnum = tables.tenant_column
where not pg_attribute.attnotnull or pg_attribute.atttypid <> 'uuid'::regtype;
