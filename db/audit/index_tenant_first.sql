/*
 * Every statement looks for one tenant's rows, so an index that does not begin with tenant_id reads
 * everybody's on the way; and one without it anywhere refuses who has no tenant only once it has
 * found a row, which is worse than slow (whole_tables). Excused are those that serve a foreign key to
 * a table without tenants and have tenant_id behind it. What is unique without tenant_id is
 * unique_tenant's, unless app_user may read the table: what was excused there is looked through here.
 * Of the other kinds of index (GiST and the like) only those are meant that row-level security lets
 * be used: that find by a leakproof comparison, or give an order. Of tenants themselves, and of people,
 * the policies compare the id, so it stands for tenant_id there.
 */
with keyed (oid, column_number, column_name) as (
  select tables.oid, pg_attribute.attnum, pg_attribute.attname
  from tables
  join pg_catalog.pg_attribute
    on pg_attribute.attrelid = tables.oid
    and pg_attribute.attname = case
      when tables.name in ('app_public.tenants', 'app_public.users') then 'id'
      else 'tenant_id'
    end
),
searched (index) as (
  select distinct pg_index.indexrelid
  from pg_catalog.pg_index
  join keyed on keyed.oid = pg_index.indrelid
  join pg_catalog.pg_class as indexes on indexes.oid = pg_index.indexrelid
  join pg_catalog.pg_am on pg_am.oid = indexes.relam
  cross join lateral unnest(pg_index.indclass::oid[]) as class (oid)
  join pg_catalog.pg_opclass on pg_opclass.oid = class.oid
  join pg_catalog.pg_amop on pg_amop.amopfamily = pg_opclass.opcfamily
  join pg_catalog.pg_operator on pg_operator.oid = pg_amop.amopopr
  join pg_catalog.pg_proc on pg_proc.oid = pg_operator.oprcode
  where pg_am.amname not in ('btree', 'hash', 'brin')
  and (pg_proc.proleakproof or pg_amop.amoppurpose = 'o')
)
select
  case when keys.has_tenant then 'warning' else 'error' end as severity,
  pg_index.indexrelid::regclass::text as object,
  'an index of a tenant table that does not begin with ' || keyed.column_name as problem,
  case
    when pg_constraint.oid is not null then format(
      'Make the constraint begin with %s: %s',
      keyed.column_name,
      pg_get_constraintdef(pg_constraint.oid)
    )
    when indexes.oid in (select searched.index from searched)
      then format('drop index %s;', pg_index.indexrelid::regclass)
    when serving.is_key then format(
      'drop index %s; %s;',
      pg_index.indexrelid::regclass,
      regexp_replace(
        pg_get_indexdef(pg_index.indexrelid), '\)', format(', %s)', keyed.column_name)
      )
    )
    else format(
      'drop index %s; %s;',
      pg_index.indexrelid::regclass,
      regexp_replace(
        regexp_replace(
          pg_get_indexdef(pg_index.indexrelid), format(', %s\M', keyed.column_name), ''
        ),
        ' USING (\w+) \(',
        format(' USING \1 (%s, ', keyed.column_name)
      )
    )
  end as remedy
from pg_catalog.pg_index
join keyed on keyed.oid = pg_index.indrelid
join pg_catalog.pg_class as indexes on indexes.oid = pg_index.indexrelid
join pg_catalog.pg_am on pg_am.oid = indexes.relam
left join pg_catalog.pg_constraint
  on pg_constraint.conindid = pg_index.indexrelid and pg_constraint.contype in ('p', 'u', 'x')
cross join lateral (
  select keyed.column_number = any ((pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1])
) as keys (has_tenant)
cross join lateral (
  select exists (
    select
    from pg_catalog.pg_constraint as served
    where served.conrelid = keyed.oid
    and served.contype = 'f'
    and (pg_index.indkey::smallint[])[0:cardinality(served.conkey) - 1] @> served.conkey
  )
) as serving (is_key)
where case
  when pg_am.amname in ('btree', 'hash', 'brin') then pg_index.indkey[0] <> keyed.column_number
  else not keys.has_tenant and indexes.oid in (select searched.index from searched)
end
and not (
  pg_index.indisunique
  and not keys.has_tenant
  and not exists (
    select
    from pg_catalog.pg_roles
    where pg_roles.rolname = 'app_user'
    and has_any_column_privilege(pg_roles.oid, keyed.oid, 'select')
  )
)
and not (serving.is_key and keys.has_tenant);
