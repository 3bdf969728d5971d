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
)
select
  'error' as severity,
  format('%s on %s', keys.conname, keys.conrelid::regclass) as object,
  case
    when keys.tenant_column is null then 'a table without tenant_id references rows of tenants'
    when not keys.carries_tenant
      then 'the foreign key does not include tenant_id on both sides'
    else 'the foreign key changes tenant_id when the row it references goes or changes'
  end as problem,
  format(
    'alter table %s drop constraint %I; then add it with (tenant_id, …) references %s (tenant_id, …) '
    'and without "set null" or "cascade" for tenant_id.',
    keys.conrelid::regclass,
    keys.conname,
    keys.confrelid::regclass
  ) as remedy
from keys
where not keys.carries_tenant
or keys.confupdtype in ('c', 'n', 'd')
or (
  keys.confdeltype in ('n', 'd')
  and (keys.confdelsetcols is null or keys.tenant_column = any (keys.confdelsetcols))
);
