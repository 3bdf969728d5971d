/*
 * A sequence is one for all tenants: whoever may use it learns how much the others write. Ids are
 * uuids, made without one.
 */
select
  'error' as severity,
  relations.name as object,
  grantees.name as detail,
  grantees.name || ' may use a sequence that all tenants share' as problem,
  format('revoke all on sequence %s from %s;', relations.name, grantees.name) as remedy
from relations
join relation_grants on relation_grants.relation = relations.oid
join grantees on grantees.oid = relation_grants.grantee
where relations.kind = 'S'
group by relations.name, grantees.name;
