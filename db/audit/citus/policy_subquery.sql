/* Citus refuses a table whose policies hold a subquery: compare tenant_id with a setting. */
select
  'error' as severity,
  policies.object,
  'the policy holds a subquery' as problem,
  format('drop policy %I on %s;', policies.name, policies.relation_name) as remedy
from policies
join pg_catalog.pg_policy on pg_policy.oid = policies.oid
where concat(pg_policy.polqual::text, pg_policy.polwithcheck::text) like '%{SUBLINK%';
