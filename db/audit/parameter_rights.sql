/*
 * Some of PostgreSQL's settings undo the wall for whoever may set them: session_replication_role
 * switches off the triggers that check foreign keys and write the audit log. Only a superuser may,
 * unless "grant set on parameter" hands it on; nobody of the run time has a use for it.
 */
select
  'error' as severity,
  grantees.name as object,
  pg_parameter_acl.parname as detail,
  format('%s may change the setting %s', grantees.name, pg_parameter_acl.parname) as problem,
  format(
    'revoke %s on parameter %s from %s cascade;',
    string_agg(acl.privilege_type, ', ' order by acl.privilege_type),
    pg_parameter_acl.parname,
    grantees.name
  ) as remedy
from pg_catalog.pg_parameter_acl
cross join lateral aclexplode(pg_parameter_acl.paracl) as acl
join grantees on grantees.oid = acl.grantee
group by grantees.name, pg_parameter_acl.parname;
