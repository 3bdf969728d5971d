/*
 * A security-definer function runs with its owner's rights, past what its caller may do: in whatever
 * schema it stands, and also when only a trigger calls it. So each is read by somebody else than its
 * author, who then adds a row to reviewed_bodies.sql. The row is for the body that was read, by its
 * hash: with another one the function is found again.
 */
select
  'error' as severity,
  routines.name as object,
  bodies.hash as detail,
  'a security-definer function that nobody reviewed, or not since it changed: '
    || 'db/audit/reviewed_bodies.sql has no row for its body ' || bodies.hash as problem,
  format('alter routine %s security invoker;', routines.name) as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
join bodies on bodies.routine = routines.oid
where pg_proc.prosecdef;
