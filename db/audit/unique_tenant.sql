/*
 * A unique key is checked past row-level security: without tenant_id, "taken" tells of another
 * tenant's row. Excused are keys whose values the database or Stripe makes up, not a client.
 */
select
  'error' as severity,
  pg_index.indexrelid::regclass::text as object,
  'a unique key of a tenant table without tenant_id' as problem,
  case
    when pg_index.indisexclusion
      then format('Make it begin with "tenant_id with =": %s', pg_get_constraintdef(pg_constraint.oid))
    when pg_constraint.oid is not null then format(
      'alter table %1$s drop constraint %2$I; alter table %1$s add constraint %2$I %3$s;',
      tables.name,
      pg_constraint.conname,
      regexp_replace(pg_get_constraintdef(pg_constraint.oid), '\(', '(tenant_id, ')
    )
    else format(
      'drop index %s; %s;',
      pg_index.indexrelid::regclass,
      regexp_replace(pg_get_indexdef(pg_index.indexrelid), ' USING (\w+) \(', ' USING \1 (tenant_id, ')
    )
  end as remedy
from pg_catalog.pg_index
join tables on tables.oid = pg_index.indrelid
left join pg_catalog.pg_constraint
  on pg_constraint.conindid = pg_index.indexrelid and pg_constraint.contype in ('p', 'u', 'x')
where tables.tenant_column is not null
and (pg_index.indisunique or pg_index.indisexclusion)
and not tables.tenant_column = any (
  (pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1]
);
