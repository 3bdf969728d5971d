/*
 * Permissive policies are added up: a second one for the same role and command can only widen the
 * first. RESTRICTIVE ones are lost on Citus. So: one permissive policy a role and command.
 */
with policies as (
  select
    pg_policy.polrelid,
    pg_policy.polname,
    pg_policy.polpermissive,
    command,
    role
  from pg_catalog.pg_policy
  join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
  cross join lateral unnest(pg_policy.polroles) as role
  cross join lateral unnest(
    case pg_policy.polcmd when '*' then array['r', 'a', 'w', 'd'] else array[pg_policy.polcmd::text] end
  ) as command
  where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
)
select
  'error' as severity,
  policies.polrelid::regclass::text as object,
  format(
    'more than one permissive policy of one role and command, or a restrictive one: %s',
    string_agg(policies.polname, ', ' order by policies.polname)
  ) as problem,
  format(
    'drop policy %I on %s;', max(policies.polname), policies.polrelid::regclass
  ) as remedy
from policies
group by policies.polrelid, policies.command, policies.role
having count(*) > 1 or not bool_and(policies.polpermissive);
