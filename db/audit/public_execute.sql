/* Functions are executable by everyone unless that right is taken away. */
select
  'error' as severity,
  pg_proc.oid::regprocedure::text as object,
  'everyone may execute this function' as problem,
  format('revoke all on function %s from public;', pg_proc.oid::regprocedure) as remedy
from pg_catalog.pg_proc
cross join lateral aclexplode(
  coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))
) as acl
where pg_proc.pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and acl.grantee = 0
and acl.privilege_type = 'EXECUTE';
