/* Policies say nothing of these: they empty, lock or extend a table past row-level security. */
select
  'error' as severity,
  format('%s for %s', pg_class.oid::regclass, acl.grantee::regrole) as object,
  'a run-time role holds ' || acl.privilege_type as problem,
  format(
    'revoke %s on %s from %s;', acl.privilege_type, pg_class.oid::regclass, acl.grantee::regrole
  ) as remedy
from pg_catalog.pg_class
cross join lateral aclexplode(pg_class.relacl) as acl
where pg_class.relkind in ('r', 'p', 'v')
and pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and acl.grantee <> pg_class.relowner
and acl.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN');
