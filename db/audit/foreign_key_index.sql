/* Without an index a delete or a key's change in the parent reads the whole child table. */
select
  'error' as severity,
  format('%s on %s', pg_constraint.conname, pg_constraint.conrelid::regclass) as object,
  'the foreign key has no index' as problem,
  format(
    'create index on %s (%s);',
    pg_constraint.conrelid::regclass,
    (
      select string_agg(quote_ident(pg_attribute.attname), ', ' order by keys.position)
      from unnest(pg_constraint.conkey) with ordinality as keys (attnum, position)
      join pg_catalog.pg_attribute
        on pg_attribute.attrelid = pg_constraint.conrelid
        and pg_attribute.attnum = keys.attnum
    )
  ) as remedy
from pg_catalog.pg_constraint
where pg_constraint.contype = 'f'
and pg_constraint.connamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and not exists (
  select
  from pg_catalog.pg_index
  where pg_index.indrelid = pg_constraint.conrelid
  and pg_index.indpred is null
  and (pg_index.indkey::smallint[])[0:cardinality(pg_constraint.conkey) - 1]
    @> pg_constraint.conkey
);
