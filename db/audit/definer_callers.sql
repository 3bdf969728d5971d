/*
 * A security-definer function passes by its caller's policies, and those of app_private believe what
 * they are told: enter() whose request it is, the others what Stripe or the worker said. So who may
 * call one is reviewed, caller by caller. Those of app_public ask for themselves who is there, and
 * are for app_user.
 */
select
  'error' as severity,
  routines.name as object,
  grantees.name as detail,
  grantees.name || ' may call a security-definer function' as problem,
  format('revoke execute on routine %s from %s;', routines.name, grantees.name) as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
cross join lateral aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as acl
join grantees on grantees.oid = acl.grantee
where pg_proc.prosecdef
and acl.grantee <> pg_proc.proowner
and (routines.schema <> 'app_public'::regnamespace or grantees.name <> 'app_user');
