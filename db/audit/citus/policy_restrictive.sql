/*
 * Citus creates a RESTRICTIVE policy as a permissive one on its shards, where it adds rows instead
 * of taking them away: every tenant then sees what it lets through.
 */
select
  'error' as severity,
  policies.object,
  'the policy is restrictive' as problem,
  format('drop policy %I on %s;', policies.name, policies.relation_name) as remedy
from policies
where not policies.is_permissive;
