/*
 * An update policy must check the new row as it checks the old one; a check that differs lets a row
 * be moved out of what its writer may see. A policy for all commands is one for updates too.
 */
select
  'error' as severity,
  policies.object,
  'the update policy has no "with check" equal to its "using"' as problem,
  format(
    'alter policy %I on %s with check (%s);',
    policies.name,
    policies.relation_name,
    coalesce(bodies.visible, 'false')
  ) as remedy
from policies
join pg_catalog.pg_policy on pg_policy.oid = policies.oid
cross join lateral (
  select
    pg_get_expr(pg_policy.polqual, pg_policy.polrelid),
    pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid)
) as bodies (visible, checked)
where policies.command in ('w', '*')
and bodies.visible is distinct from bodies.checked;
