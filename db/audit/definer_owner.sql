/*
 * A security-definer function may do what its owner may. Only app_definer and app_searcher are held
 * back by policies and written for it; as rowhouse_owner or a superuser it could do anything.
 */
select
  'error' as severity,
  routines.name as object,
  'a security-definer function owned by ' || pg_proc.proowner::regrole as problem,
  format('alter routine %s owner to app_definer;', routines.name) as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
where pg_proc.prosecdef
and pg_proc.proowner not in ('app_definer'::regrole, 'app_searcher'::regrole);
