/*
 * A person's statement can't name tenant_id, so the column's default must: without it every insert
 * fails, with another one every insert is refused by the policy.
 */
select
  'warning' as severity,
  tables.name as object,
  'app_user may insert, but tenant_id is not by default the tenant of the transaction' as problem,
  format(
    'alter table %s alter column tenant_id set default app_private.current_tenant_id();', tables.name
  ) as remedy
from tables
left join pg_catalog.pg_attrdef
  on pg_attrdef.adrelid = tables.oid and pg_attrdef.adnum = tables.tenant_column
where tables.tenant_column is not null
and exists (
  select
  from relation_grants
  where relation_grants.relation = tables.oid
  and relation_grants.privilege = 'INSERT'
  and relation_grants.grantee = 'app_user'::regrole
)
and coalesce(pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid), '')
  !~ '^app_private\.(current|member|writable)_tenant_id\(\)$';
