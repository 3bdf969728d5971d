/*
 * Functions are executable by everyone unless that right is taken away, and who may call what is
 * said one by one. (In "public", extensions' place, a function with its caller's rights may stay so.)
 */
select
  'error' as severity,
  routines.name as object,
  'everyone may execute this function' as problem,
  format('revoke all on routine %s from public;', routines.name) as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
join audited_schemas on audited_schemas.oid = routines.schema
cross join lateral aclexplode(
  coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))
) as acl
where acl.grantee = 0
and (pg_proc.prosecdef or routines.schema <> 'public'::regnamespace);
