/*
 * Citus refuses triggers on distributed tables unless citus.enable_unsafe_triggers is on, and then
 * each must write nothing but rows of the same tenant in colocated tables. One that does has a row
 * in exceptions.sql.
 */
select
  'error' as severity,
  format('%s on %s', pg_trigger.tgname, tables.name) as object,
  'a trigger on a table to be distributed' as problem,
  format('drop trigger %I on %s;', pg_trigger.tgname, tables.name) as remedy
from pg_catalog.pg_trigger
join tables on tables.oid = pg_trigger.tgrelid
where not pg_trigger.tgisinternal
and pg_trigger.tgparentid = 0
and (tables.tenant_column is not null or tables.name = 'app_public.tenants');
