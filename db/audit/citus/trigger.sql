/*
 * Citus refuses triggers on distributed tables unless citus.enable_unsafe_triggers is on, and then
 * each must write nothing but rows of the same tenant in colocated tables. A trigger function that
 * keeps to that has a row in exceptions.sql.
 */
select
  'error' as severity,
  routines.name as object,
  'called by triggers of tables to be distributed: '
    || string_agg(distinct tables.name, ', ' order by tables.name) as problem,
  string_agg(
    format('drop trigger %I on %s;', pg_trigger.tgname, tables.name), ' ' order by tables.name
  ) as remedy
from pg_catalog.pg_trigger
join tables on tables.oid = pg_trigger.tgrelid
join routines on routines.oid = pg_trigger.tgfoid
where not pg_trigger.tgisinternal
and pg_trigger.tgparentid = 0
and (tables.tenant_column is not null or tables.name = 'app_public.tenants')
group by routines.name;
