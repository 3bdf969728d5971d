/*
 * An update policy must check the new row as it checks the old one; a check that differs lets a row
 * be moved out of what its writer may see. A policy for all commands is one for updates too.
 */
select
  'error' as severity,
  format('%s on %s', pg_policy.polname, pg_policy.polrelid::regclass) as object,
  'the update policy has no "with check" equal to its "using"' as problem,
  format(
    'alter policy %I on %s with check (%s);',
    pg_policy.polname,
    pg_policy.polrelid::regclass,
    pg_get_expr(pg_policy.polqual, pg_policy.polrelid)
  ) as remedy
from pg_catalog.pg_policy
join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and pg_policy.polcmd in ('w', '*')
and pg_get_expr(pg_policy.polqual, pg_policy.polrelid)
  is distinct from pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid);
