/*
 * Permissive policies are added up: a second one for the same role and command can only widen the
 * first. RESTRICTIVE ones are lost on Citus. So: one permissive policy a role and command.
 */
with each as (
  select policies.*, command_of, role_of
  from policies
  cross join lateral unnest(policies.roles) as role_of
  cross join lateral unnest(
    case policies.command
      when '*' then array['r', 'a', 'w', 'd']
      else array[policies.command::text]
    end
  ) as command_of
),
ranked as (
  select
    each.*,
    row_number() over same_reach as position,
    count(*) over same_reach_all as of,
    bool_or(not each.is_permissive) over same_reach_all as has_restrictive
  from each
  window
    same_reach as (
      partition by each.relation, each.command_of, each.role_of
      order by each.is_permissive desc, each.oid
    ),
    same_reach_all as (partition by each.relation, each.command_of, each.role_of)
)
select
  'error' as severity,
  ranked.relation_name as object,
  format(
    'more than one permissive policy of one role and command, or a restrictive one: %s',
    string_agg(distinct ranked.name::text, ', ')
  ) as problem,
  string_agg(
    distinct format('drop policy %I on %s;', ranked.name, ranked.relation_name), ' '
  ) filter (where ranked.position > 1 or not ranked.is_permissive) as remedy
from ranked
where ranked.of > 1 or ranked.has_restrictive
group by ranked.relation_name;
