/*
 * A materialized view or a foreign table knows no row-level security: whoever may read it reads all
 * of it. It may exist, for a task that runs as its owner; no run-time role may touch it.
 */
select
  'error' as severity,
  relations.name as object,
  string_agg(distinct grantees.name, ', ' order by grantees.name)
    || ' may touch what knows no row-level security' as problem,
  format(
    'revoke all on %s from %s;',
    relations.name,
    string_agg(distinct grantees.name, ', ' order by grantees.name)
  ) as remedy
from relations
join relation_grants on relation_grants.relation = relations.oid
join grantees on grantees.oid = relation_grants.grantee
where relations.kind in ('m', 'f')
group by relations.name;
