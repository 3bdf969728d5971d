/*
 * A foreign key between distributed tables must hold tenant_id on both sides, and may not set
 * anything null or default when the parent goes, not even a column of its own. (One to a table
 * without tenants is fine once that is a reference table: reference_table.)
 */
select
  'error' as severity,
  format('%s on %s', pg_constraint.conname, children.name) as object,
  case
    when not pairs.carry_tenant then 'the foreign key does not hold tenant_id on both sides'
    else 'the foreign key sets columns null or default'
  end as problem,
  'Make it (tenant_id, …) with "on delete cascade" or no action, and clear columns in the code.' as remedy
from pg_catalog.pg_constraint
join tables as children on children.oid = pg_constraint.conrelid
join tables as parents on parents.oid = pg_constraint.confrelid
left join pg_catalog.pg_attribute as tenants
  on tenants.attrelid = parents.oid
  and tenants.attname = 'id'
  and parents.name = 'app_public.tenants'
cross join lateral (
  select coalesce(bool_or(
    pair.referencing = children.tenant_column
    and pair.referenced = coalesce(parents.tenant_column, tenants.attnum)
  ), false)
  from unnest(pg_constraint.conkey, pg_constraint.confkey) as pair (referencing, referenced)
) as pairs (carry_tenant)
where pg_constraint.contype = 'f'
and pg_constraint.conparentid = 0
and coalesce(parents.tenant_column, tenants.attnum) is not null
and (
  not pairs.carry_tenant
  or pg_constraint.confdeltype in ('n', 'd')
  or pg_constraint.confupdtype in ('n', 'd', 'c')
);
