/*
 * A security-definer function runs with its caller's search_path, unless it pins one: a table in
 * pg_temp could stand in for the real one.
 */
select
  'error' as severity,
  routines.name as object,
  'a security-definer function without a pinned search_path' as problem,
  format('alter routine %s set search_path = pg_catalog, pg_temp;', routines.name) as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
where pg_proc.prosecdef
and not coalesce('search_path=pg_catalog, pg_temp' = any (pg_proc.proconfig), false);
