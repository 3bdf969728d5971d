/*
 * Under row-level security only leakproof comparisons may use an index; the others are done row by
 * row after the policy, hundreds of times slower for a large tenant. text with a check instead of an
 * enum, bigint minor units instead of numeric, a stored column instead of an expression; and search
 * (trigrams, text, jsonb) goes behind a reviewed function of app_searcher, who is let see the table then.
 */
with leaky (class) as (
  select pg_opclass.oid
  from pg_catalog.pg_opclass
  join pg_catalog.pg_am on pg_am.oid = pg_opclass.opcmethod
  join pg_catalog.pg_amop
    on pg_amop.amopfamily = pg_opclass.opcfamily
    and pg_amop.amoplefttype = pg_opclass.opcintype
    and pg_amop.amoprighttype = pg_opclass.opcintype
  join pg_catalog.pg_operator on pg_operator.oid = pg_amop.amopopr
  join pg_catalog.pg_proc on pg_proc.oid = pg_operator.oprcode
  /* Equality, by its number in each. */
  where (pg_am.amname, pg_amop.amopstrategy) in (('btree', 3), ('hash', 1))
  and not pg_proc.proleakproof
),
keys as (
  select
    pg_index.indexrelid, tables.oid as relation, pg_am.amname, key.attnum, key.class, key.position
  from pg_catalog.pg_index
  join tables on tables.oid = pg_index.indrelid
  join pg_catalog.pg_class as indexes on indexes.oid = pg_index.indexrelid
  join pg_catalog.pg_am on pg_am.oid = indexes.relam
  cross join lateral unnest(pg_index.indkey::smallint[], pg_index.indclass::oid[])
    with ordinality as key (attnum, class, position)
  where tables.tenant_column is not null
  and key.position <= pg_index.indnkeyatts
),
reasons as (
  select
    keys.indexrelid,
    keys.amname not in ('btree', 'hash') as is_search,
    case
      when keys.attnum = 0
        then 'the expression ' || pg_get_indexdef(keys.indexrelid, keys.position::integer, true)
      when keys.amname not in ('btree', 'hash') then 'what ' || keys.amname || ' searches by'
      else format('%I, of type %s', pg_attribute.attname, format_type(pg_attribute.atttypid, null))
    end as what
  from keys
  left join leaky on leaky.class = keys.class
  left join pg_catalog.pg_attribute
    on pg_attribute.attrelid = keys.relation and pg_attribute.attnum = keys.attnum
  where case
    when keys.amname in ('btree', 'hash') then keys.attnum = 0 or leaky.class is not null
    else not exists (
      select
      from policies
      where policies.relation = keys.relation
      and 'app_searcher'::regrole = any (policies.roles)
    )
  end
)
select
  'warning' as severity,
  reasons.indexrelid::regclass::text as object,
  'under row-level security the index can''t be used for '
    || string_agg(distinct reasons.what, ', ' order by reasons.what) as problem,
  case
    when reasons.is_search then 'Put the search behind a function of app_searcher (docs/extending.md).'
    else 'Index a column of a leakproof type (text with a check, bigint, uuid, a stored column) instead.'
  end as remedy
from reasons
group by reasons.indexrelid, reasons.is_search;
