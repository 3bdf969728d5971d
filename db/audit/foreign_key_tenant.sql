/*
 * Foreign keys are checked past row-level security. Between two tables of tenants a key must carry
 * tenant_id on both sides, or a row may point at another tenant's.
 */
select
  'error' as severity,
  format('%s on %s', pg_constraint.conname, pg_constraint.conrelid::regclass) as object,
  'the foreign key between two tenant tables does not include tenant_id on both sides' as problem,
  format(
    'alter table %s drop constraint %I; then add it with (tenant_id, …) references %s (tenant_id, …);',
    pg_constraint.conrelid::regclass,
    pg_constraint.conname,
    pg_constraint.confrelid::regclass
  ) as remedy
from pg_catalog.pg_constraint
join pg_catalog.pg_attribute as here
  on here.attrelid = pg_constraint.conrelid and here.attname = 'tenant_id'
join pg_catalog.pg_attribute as there
  on there.attrelid = pg_constraint.confrelid and there.attname = 'tenant_id'
where pg_constraint.contype = 'f'
and not exists (
  select
  from unnest(pg_constraint.conkey, pg_constraint.confkey) as pairs (referencing, referenced)
  where pairs.referencing = here.attnum
  and pairs.referenced = there.attnum
);
