/*
 * Every policy trusts what functions return; policy_canonical compares their names only. So of each
 * that a policy calls, and each that such a one calls, the body is reviewed, and has a row in
 * reviewed_bodies.sql by its hash: with another one the function is found again. (What PL/pgSQL calls the
 * catalog does not know, so the one that refuse_tenant asks is named here.)
 */
with recursive called (oid) as (
  select pg_depend.refobjid
  from pg_catalog.pg_depend
  join policies on policies.oid = pg_depend.objid
  where pg_depend.classid = 'pg_policy'::regclass
  and pg_depend.refclassid = 'pg_proc'::regclass
  union
  select pg_depend.refobjid
  from called
  join pg_catalog.pg_depend on pg_depend.objid = called.oid
  where pg_depend.classid = 'pg_proc'::regclass
  and pg_depend.refclassid = 'pg_proc'::regclass
)
select
  'error' as severity,
  routines.name as object,
  bodies.hash as detail,
  'policies rest on a function that nobody reviewed, or not since it changed' as problem,
  format(
    'Take the change back; or have it reviewed, and put into reviewed_bodies.sql: (%L, %L, %L, %L)',
    'policy_bodies',
    routines.name,
    bodies.hash,
    '…'
  ) as remedy
from routines
join bodies on bodies.routine = routines.oid
where routines.oid in (select called.oid from called)
or routines.name = 'app_private.api_key_lacks_scope()';
