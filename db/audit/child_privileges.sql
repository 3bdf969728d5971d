/*
 * A partition or inheriting table that is named in a statement answers by its own policies, not by
 * its parent's. Rows are reached through the parent, so nobody needs a right on a child; "grant …
 * on all tables in schema" is how one comes about.
 */
select
  'error' as severity,
  tables.name as object,
  string_agg(distinct grantees.name, ', ' order by grantees.name)
    || ' may reach rows past the parent table' as problem,
  format(
    'revoke all on %s from %s;',
    tables.name,
    string_agg(distinct grantees.name, ', ' order by grantees.name)
  ) as remedy
from tables
join relation_grants on relation_grants.relation = tables.oid
join grantees on grantees.oid = relation_grants.grantee
where tables.is_child
group by tables.name;
