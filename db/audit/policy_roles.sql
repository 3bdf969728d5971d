/* A policy without "to" holds for everyone, also for roles that are yet to come. */
select
  'error' as severity,
  policies.object,
  'the policy names no role' as problem,
  format('alter policy %I on %s to app_user;', policies.name, policies.relation_name) as remedy
from policies
where 0 = any (policies.roles);
