/*
 * Policies hold back whoever they apply to: not a superuser, not BYPASSRLS, not a role that can
 * become one or inherits another's policies (since PostgreSQL 16 each membership says for itself
 * whether it inherits). Only the deploy job's role may pass by them. And nobody logs in as the owner, nor
 * as a role that is entered as: whoever did would say for themselves whose tenant's rows are theirs.
 */
with ours as (
  select pg_roles.*
  from pg_catalog.pg_roles
  where pg_roles.rolname in (
    'rowhouse_owner', 'rowhouse_server', 'rowhouse_worker', 'app_user', 'app_anonymous',
    'app_worker', 'app_identity', 'app_definer', 'app_searcher'
  )
),
faults (object, problem, remedy) as (
  select
    ours.rolname,
    attributes.problem,
    format('alter role %I %s;', ours.rolname, attributes.cure)
  from ours
  cross join lateral (
    values
      (ours.rolsuper, 'is a superuser', 'nosuperuser'),
      (ours.rolbypassrls, 'has BYPASSRLS', 'nobypassrls'),
      (ours.rolcreaterole, 'may create roles', 'nocreaterole'),
      (ours.rolcreatedb, 'may create databases', 'nocreatedb'),
      (ours.rolreplication, 'may replicate', 'noreplication'),
      (ours.rolinherit, 'inherits what other roles may do', 'noinherit'),
      (
        ours.rolcanlogin and ours.rolname not in ('rowhouse_server', 'rowhouse_worker'),
        'may log in',
        'nologin'
      )
  ) as attributes (is_faulty, problem, cure)
  where attributes.is_faulty
  union all
  select
    ours.rolname,
    'can become ' || reach.rolname,
    format('revoke %I from %I cascade;', coalesce(direct.rolname, reach.rolname), ours.rolname)
  from ours
  join pg_catalog.pg_roles as reach
    on reach.oid <> ours.oid
    and not ours.rolsuper
    and pg_has_role(ours.oid, reach.oid, 'member')
  /* Where the way to it begins: revoking that ends it. */
  left join lateral (
    select groups.rolname
    from pg_catalog.pg_auth_members
    join pg_catalog.pg_roles as groups on groups.oid = pg_auth_members.roleid
    where pg_auth_members.member = ours.oid
    and pg_has_role(groups.oid, reach.oid, 'member')
    order by groups.oid = reach.oid desc
    limit 1
  ) as direct on true
  union all
  select
    ours.rolname,
    format('inherits %I, or may hand it on', groups.rolname),
    case
      when membership.fields ->> 'admin_option' = 'true'
        then format('revoke admin option for %I from %I cascade;', groups.rolname, ours.rolname)
      else format('grant %I to %I with inherit false;', groups.rolname, ours.rolname)
    end
  from ours
  join pg_catalog.pg_auth_members on pg_auth_members.member = ours.oid
  join pg_catalog.pg_roles as groups on groups.oid = pg_auth_members.roleid
  cross join lateral (select to_jsonb(pg_auth_members)) as membership (fields)
  where membership.fields ->> 'admin_option' = 'true'
  or membership.fields ->> 'inherit_option' = 'true'
)
select distinct
  'error' as severity,
  faults.object::text,
  faults.problem as detail,
  'a run-time role ' || faults.problem as problem,
  faults.remedy
from faults
/* Owning the database is what makes a member of that one; it holds no rows. */
where (faults.object, faults.problem) <> ('rowhouse_owner', 'can become pg_database_owner');
