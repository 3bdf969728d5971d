/*
 * Foreign keys are checked past row-level security. Between two tables of tenants a key must carry
 * tenant_id on both sides, or a row may point at another tenant's; a table of everyone's must not
 * point into a tenant at all; and only tenant_id itself may point at a tenant. Setting it null when
 * the parent goes would take the row's tenant away: "on delete set null (other_column)" does not.
 */
with keys as (
  select
    pg_constraint.*,
    here.attnum as tenant_column,
    there.attnum as there_column,
    there.attname as there_name,
    exists (
      select
      from unnest(pg_constraint.conkey, pg_constraint.confkey) as pairs (referencing, referenced)
      where pairs.referencing = here.attnum
      and pairs.referenced = there.attnum
    ) as carries_tenant
  from pg_catalog.pg_constraint
  left join pg_catalog.pg_attribute as here
    on here.attrelid = pg_constraint.conrelid and here.attname = 'tenant_id'
  /* A tenant's own id is what tenant_id is elsewhere. */
  join pg_catalog.pg_attribute as there
    on there.attrelid = pg_constraint.confrelid
    and there.attname = case pg_constraint.confrelid::regclass::text
      when 'app_public.tenants' then 'id'
      else 'tenant_id'
    end
  where pg_constraint.contype = 'f'
  and pg_constraint.conparentid = 0
),
faulty as (
  select
    keys.*,
    array(
      select quote_ident(pg_attribute.attname)
      from unnest(keys.conkey) with ordinality as ours (attnum, position)
      join pg_catalog.pg_attribute
        on pg_attribute.attrelid = keys.conrelid and pg_attribute.attnum = ours.attnum
      where ours.attnum <> keys.tenant_column
      order by ours.position
    ) as own_columns,
    array(
      select quote_ident(pg_attribute.attname)
      from unnest(keys.confkey) with ordinality as theirs (attnum, position)
      join pg_catalog.pg_attribute
        on pg_attribute.attrelid = keys.confrelid and pg_attribute.attnum = theirs.attnum
      where theirs.attnum <> keys.there_column
      order by theirs.position
    ) as their_columns
  from keys
  where not keys.carries_tenant
  or not keys.convalidated
  or keys.confupdtype in ('c', 'n', 'd')
  or (
    keys.confdeltype in ('n', 'd')
    and (keys.confdelsetcols is null or keys.tenant_column = any (keys.confdelsetcols))
  )
)
select
  'error' as severity,
  format('%s on %s', faulty.conname, faulty.conrelid::regclass) as object,
  case
    when faulty.tenant_column is null then 'a table without tenant_id references rows of tenants'
    when not faulty.carries_tenant
      then 'the foreign key does not include tenant_id on both sides'
    when not faulty.convalidated then 'the foreign key was never checked against the rows there are'
    else 'the foreign key changes tenant_id when the row it references goes or changes'
  end as problem,
  format('alter table %s drop constraint %I;', faulty.conrelid::regclass, faulty.conname)
  || case
    /* Nothing but tenant_id may point at a tenant, and a table of everyone's at no tenant's row. */
    when faulty.tenant_column is null
      or cardinality(faulty.own_columns) <> cardinality(faulty.their_columns)
      then ''
    else format(
      ' alter table %s add constraint %I foreign key (%s) references %s (%s)%s;',
      faulty.conrelid::regclass,
      faulty.conname,
      array_to_string(array['tenant_id'] || faulty.own_columns, ', '),
      faulty.confrelid::regclass,
      array_to_string(array[quote_ident(faulty.there_name)] || faulty.their_columns, ', '),
      case
        when faulty.confdeltype = 'c' then ' on delete cascade'
        when faulty.confdeltype = 'r' then ' on delete restrict'
        when faulty.confdeltype in ('n', 'd') and cardinality(faulty.own_columns) > 0
          then format(
            ' on delete set %s (%s)',
            case faulty.confdeltype when 'n' then 'null' else 'default' end,
            array_to_string(faulty.own_columns, ', ')
          )
      end
    )
  end as remedy
from faulty;
