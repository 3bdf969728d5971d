/*
 * A row's tenant is what the transaction says at its birth, and never changes: no statement of a
 * person or a visitor may name it, and there is no row without it. (Definer functions and tasks
 * name it; what they may write is in their own policies.)
 */
select
  'error' as severity,
  pg_class.oid::regclass::text as object,
  case when writers.role is null
    then 'tenant_id may be null or is no uuid'
    else writers.role || ' may write tenant_id'
  end as problem,
  case when writers.role is null
    then format('alter table %s alter column tenant_id set not null;', pg_class.oid::regclass)
    else format(
      'revoke insert, update on %1$s from %2$s; then grant them by column, without tenant_id;',
      pg_class.oid::regclass,
      writers.role
    )
  end as remedy
from pg_catalog.pg_class
join pg_catalog.pg_attribute
  on pg_attribute.attrelid = pg_class.oid and pg_attribute.attname = 'tenant_id'
cross join (values ('app_user'), ('app_anonymous'), (null)) as writers (role)
where pg_class.relkind in ('r', 'p')
and pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private')
and case when writers.role is null
  then not pg_attribute.attnotnull or pg_attribute.atttypid <> 'uuid'::regtype
  else has_column_privilege(writers.role, pg_class.oid, pg_attribute.attnum, 'update')
    or has_column_privilege(writers.role, pg_class.oid, pg_attribute.attnum, 'insert')
end;
