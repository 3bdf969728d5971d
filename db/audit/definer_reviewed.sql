/*
 * A security-definer function runs with its owner's rights, past what its caller may do: in whatever
 * schema it stands, and also when only a trigger calls it. So each is read by somebody else than its
 * author, who then adds a row to exceptions.sql.
 */
select
  'error' as severity,
  routines.name as object,
  'a security-definer function that nobody reviewed' as problem,
  format('alter routine %s security invoker;', routines.name) as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
where pg_proc.prosecdef;
