/* A policy without "to" holds for everyone, also for roles that are yet to come. */
select
  'error' as severity,
  format('%s on %s', pg_policy.polname, pg_policy.polrelid::regclass) as object,
  'the policy names no role' as problem,
  format(
    'alter policy %I on %s to app_user;', pg_policy.polname, pg_policy.polrelid::regclass
  ) as remedy
from pg_catalog.pg_policy
join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and 0 = any (pg_policy.polroles);
