/*
 * Policies hold back whoever they apply to: not a superuser, not BYPASSRLS, not a role that can
 * become one or inherits another's policies. Only the deploy job's role may pass by them.
 */
select distinct
  'error' as severity,
  roles.rolname::text as object,
  case
    when roles.rolsuper then 'a run-time role is a superuser'
    when roles.rolbypassrls then 'a run-time role has BYPASSRLS'
    when roles.rolcreaterole or roles.rolcreatedb or roles.rolreplication
      then 'a run-time role may create roles or databases, or replicate'
    when roles.rolinherit then 'a run-time role inherits what other roles may do'
    else 'a run-time role can become ' || reach.rolname
  end as problem,
  case
    when reach.rolname is null
      then format('Run db/bootstrap.sql, which sets %I right.', roles.rolname)
    else format('revoke %I from %I;', reach.rolname, roles.rolname)
  end as remedy
from pg_catalog.pg_roles as roles
left join pg_catalog.pg_roles as reach
  on reach.oid <> roles.oid
  and pg_has_role(roles.oid, reach.oid, 'member')
  and not roles.rolsuper
  and (roles.rolname, reach.rolname) not in (
    values
      -- Owning the database is what makes a member of this one; it holds no rows.
      ('rowhouse_owner', 'pg_database_owner'),
      ('rowhouse_server', 'app_user'),
      ('rowhouse_server', 'app_anonymous'),
      ('rowhouse_server', 'app_identity'),
      ('rowhouse_worker', 'app_worker')
  )
where roles.rolname in (
  'rowhouse_owner', 'rowhouse_server', 'rowhouse_worker', 'app_user', 'app_anonymous',
  'app_worker', 'app_identity', 'app_definer', 'app_searcher'
)
and (
  roles.rolsuper
  or roles.rolbypassrls
  or roles.rolcreaterole
  or roles.rolcreatedb
  or roles.rolreplication
  or roles.rolinherit
  or reach.oid is not null
);
