/*
 * Without an index a delete or a key's change in the parent reads the whole child table. It must be
 * a valid one that begins with the key's columns, in any order; it may leave out rows without a
 * reference.
 */
select
  'warning' as severity,
  format('%s on %s', pg_constraint.conname, tables.name) as object,
  'the foreign key has no index' as problem,
  format(
    'create index on %s (%s);',
    tables.name,
    (
      select string_agg(quote_ident(pg_attribute.attname), ', ' order by keys.position)
        || case when not tables.tenant_column = any (pg_constraint.conkey) then ', tenant_id' else '' end
      from unnest(pg_constraint.conkey) with ordinality as keys (attnum, position)
      join pg_catalog.pg_attribute
        on pg_attribute.attrelid = pg_constraint.conrelid
        and pg_attribute.attnum = keys.attnum
    )
  ) as remedy
from pg_catalog.pg_constraint
join tables on tables.oid = pg_constraint.conrelid
where pg_constraint.contype = 'f'
and pg_constraint.conparentid = 0
and not exists (
  select
  from pg_catalog.pg_index
  join pg_catalog.pg_class as indexes on indexes.oid = pg_index.indexrelid
  join pg_catalog.pg_am on pg_am.oid = indexes.relam
  where pg_index.indrelid = pg_constraint.conrelid
  and pg_index.indisvalid
  and pg_am.amname = 'btree'
  and pg_index.indnkeyatts >= cardinality(pg_constraint.conkey)
  and (pg_index.indkey::smallint[])[0:cardinality(pg_constraint.conkey) - 1]
    @> pg_constraint.conkey
  and (
    pg_index.indpred is null
    or pg_get_expr(pg_index.indpred, pg_index.indrelid) in (
      select format('(%I IS NOT NULL)', pg_attribute.attname)
      from pg_catalog.pg_attribute
      where pg_attribute.attrelid = pg_constraint.conrelid
      and pg_attribute.attnum = any (pg_constraint.conkey)
    )
  )
);
