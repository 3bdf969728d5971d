/*
 * Tables are colocated, so that a tenant's rows lie on one node, only when the columns by which they
 * are distributed have one type: uuid, as in tenants.
 */
select
  'error' as severity,
  tables.name as object,
  'tenant_id is no uuid that must be there' as problem,
  format(
    'alter table %s alter column tenant_id type uuid using tenant_id::text::uuid, '
    'alter column tenant_id set not null;',
    tables.name
  ) as remedy
from tables
join pg_catalog.pg_attribute
  on pg_attribute.attrelid = tables.oid and pg_attribute.attnum = tables.tenant_column
where pg_attribute.atttypid <> 'uuid'::regtype
or not pg_attribute.attnotnull;
