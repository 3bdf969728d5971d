/*
 * Every statement looks for one tenant's rows, so an index that does not begin with tenant_id reads
 * everybody's on the way; and one without it anywhere refuses who has no tenant only once it has
 * found a row, which is worse than slow (whole_tables). Excused are those that serve a foreign key to
 * a table without tenants and have tenant_id behind it; what is unique without tenant_id is
 * unique_tenant's.
 */
select
  case when keys.has_tenant then 'warning' else 'error' end as severity,
  pg_index.indexrelid::regclass::text as object,
  'an index of a tenant table that does not begin with tenant_id' as problem,
  case
    when pg_constraint.oid is not null then format(
      'Make the constraint begin with tenant_id: %s', pg_get_constraintdef(pg_constraint.oid)
    )
    when serving.is_key then format(
      'drop index %s; %s;',
      pg_index.indexrelid::regclass,
      regexp_replace(pg_get_indexdef(pg_index.indexrelid), '\)', ', tenant_id)')
    )
    else format(
      'drop index %s; %s;',
      pg_index.indexrelid::regclass,
      regexp_replace(
        regexp_replace(pg_get_indexdef(pg_index.indexrelid), ', tenant_id\M', ''),
        ' USING (\w+) \(',
        ' USING \1 (tenant_id, '
      )
    )
  end as remedy
from pg_catalog.pg_index
join tables on tables.oid = pg_index.indrelid
join pg_catalog.pg_class as indexes on indexes.oid = pg_index.indexrelid
join pg_catalog.pg_am on pg_am.oid = indexes.relam
left join pg_catalog.pg_constraint
  on pg_constraint.conindid = pg_index.indexrelid and pg_constraint.contype in ('p', 'u', 'x')
cross join lateral (
  select tables.tenant_column = any ((pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1])
) as keys (has_tenant)
cross join lateral (
  select exists (
    select
    from pg_catalog.pg_constraint as served
    where served.conrelid = tables.oid
    and served.contype = 'f'
    and (pg_index.indkey::smallint[])[0:cardinality(served.conkey) - 1] @> served.conkey
  )
) as serving (is_key)
where tables.tenant_column is not null
and pg_am.amname in ('btree', 'hash', 'brin')
and pg_index.indkey[0] <> tables.tenant_column
and not (pg_index.indisunique and not keys.has_tenant)
and not (serving.is_key and keys.has_tenant);
