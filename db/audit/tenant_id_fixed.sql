/*
 * A row's tenant is what the transaction says at its birth, and never changes: no run-time role may
 * name it.
 */
select
  'error' as severity,
  pg_class.oid::regclass::text as object,
  'app_user may write tenant_id' as problem,
  format(
    'revoke insert, update on %1$s from app_user; then grant them by column, without tenant_id;',
    pg_class.oid::regclass
  ) as remedy
from pg_catalog.pg_class
join pg_catalog.pg_attribute
  on pg_attribute.attrelid = pg_class.oid and pg_attribute.attname = 'tenant_id'
where pg_class.relkind in ('r', 'p')
and pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private')
and (
  has_column_privilege('app_user', pg_class.oid, pg_attribute.attnum, 'update')
  or has_column_privilege('app_user', pg_class.oid, pg_attribute.attnum, 'insert')
);
