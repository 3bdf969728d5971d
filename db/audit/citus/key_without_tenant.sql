/*
 * A unique key is kept on each shard by itself, so Citus refuses one that does not hold the column
 * by which the table is distributed.
 */
select
  'error' as severity,
  pg_index.indexrelid::regclass::text as object,
  'a unique key without tenant_id' as problem,
  'Make tenant_id a part of it, or keep its uniqueness in a reference table.' as remedy
from pg_catalog.pg_index
join tables on tables.oid = pg_index.indrelid
where tables.tenant_column is not null
and (pg_index.indisunique or pg_index.indisexclusion)
and not tables.tenant_column = any (
  (pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1]
);
