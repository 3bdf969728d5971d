/*
 * A unique key is checked past row-level security: without tenant_id, "taken" tells of another
 * tenant's row, as does a constraint that excludes rows of others; and of tenants themselves, without
 * their id. Excused are keys whose values the
 * database or Stripe makes up, not a client.
 */
with keyed (oid, name, tenant_column, column_name) as (
  select tables.oid, tables.name, pg_attribute.attnum, pg_attribute.attname
  from tables
  join pg_catalog.pg_attribute
    on pg_attribute.attrelid = tables.oid
    and pg_attribute.attname = case tables.name when 'app_public.tenants' then 'id' else 'tenant_id' end
)
select
  'error' as severity,
  pg_index.indexrelid::regclass::text as object,
  'a unique key of a tenant table without tenant_id' as problem,
  case
    when pg_index.indisexclusion
      then format('Let it compare only rows of one tenant, by "%s with =": %s', keyed.column_name, pg_get_constraintdef(pg_constraint.oid))
    when pg_constraint.oid is not null then format(
      'alter table %1$s drop constraint %2$I; alter table %1$s add constraint %2$I %3$s;',
      keyed.name,
      pg_constraint.conname,
      regexp_replace(pg_get_constraintdef(pg_constraint.oid), '\(', format('(%s, ', keyed.column_name))
    )
    else format(
      'drop index %s; %s;',
      pg_index.indexrelid::regclass,
      regexp_replace(pg_get_indexdef(pg_index.indexrelid), ' USING (\w+) \(', format(' USING \1 (%s, ', keyed.column_name))
    )
  end as remedy
from pg_catalog.pg_index
join keyed on keyed.oid = pg_index.indrelid
left join pg_catalog.pg_constraint
  on pg_constraint.conindid = pg_index.indexrelid and pg_constraint.contype in ('p', 'u', 'x')
where (pg_index.indisunique or pg_index.indisexclusion)
and not exists (
  select
  from unnest((pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1], pg_constraint.conexclop)
    as key (attnum, excluded_by)
  where key.attnum = keyed.tenant_column
  /* "exclude (… with =, tenant_id with <>)" is there to compare tenants. */
  and coalesce(key.excluded_by, 'pg_catalog.=(uuid,uuid)'::regoperator) = 'pg_catalog.=(uuid,uuid)'::regoperator
);
