/*
 * Beside superusers, whom a server can't be without, only the deploy job's login passes by the
 * policies or can become who they are for. Another such login reads every tenant's rows, at night or
 * by mistake. So does one with rights of its own, for reports say: the tenant is a setting, which any
 * login may set, and a materialized view or enter() does not even ask. One that must be there, for
 * backups say, has a row in exceptions.sql.
 */
with logins as (
  select pg_roles.oid, pg_roles.rolname, pg_roles.rolbypassrls
  from pg_catalog.pg_roles
  where pg_roles.rolcanlogin
  and not pg_roles.rolsuper
  /* What ours may become is said by roles. */
  and pg_roles.rolname not in ('rowhouse_migrator', 'rowhouse_server', 'rowhouse_worker')
)
select
  'warning' as severity,
  logins.rolname::text as object,
  'bypassrls' as detail,
  'a login that passes by all policies' as problem,
  format('alter role %I nobypassrls;', logins.rolname) as remedy
from logins
where logins.rolbypassrls
union all
select
  'warning',
  logins.rolname::text,
  'can become ' || reach.rolname,
  'a login can become ' || reach.rolname,
  format('revoke %I from %I cascade;', coalesce(direct.rolname, reach.rolname), logins.rolname)
from logins
join pg_catalog.pg_roles as reach
  on reach.rolname in (
    'rowhouse_owner', 'rowhouse_migrator', 'rowhouse_server', 'rowhouse_worker', 'app_user',
    'app_anonymous', 'app_worker', 'app_identity', 'app_definer', 'app_searcher'
  )
  and reach.oid <> logins.oid
  and pg_has_role(logins.oid, reach.oid, 'member')
/* Where the way to it begins: revoking that ends it. */
left join lateral (
  select groups.rolname
  from pg_catalog.pg_auth_members
  join pg_catalog.pg_roles as groups on groups.oid = pg_auth_members.roleid
  where pg_auth_members.member = logins.oid
  and pg_has_role(groups.oid, reach.oid, 'member')
  order by groups.oid = reach.oid desc
  limit 1
) as direct on true
union all
select
  'warning',
  logins.rolname::text,
  'rights in ' || schemas.name,
  'a login has rights of its own in ' || schemas.name,
  string_agg(
    distinct format(
      'revoke all on all %s in schema %s from %I;', kinds.name, schemas.name, holders.rolname
    ),
    ' '
  )
from logins
join pg_catalog.pg_roles as holders
  on not holders.rolsuper
  and pg_has_role(logins.oid, holders.oid, 'member')
  and holders.rolname not in (
    'rowhouse_owner', 'rowhouse_migrator', 'rowhouse_server', 'rowhouse_worker', 'app_user',
    'app_anonymous', 'app_worker', 'app_identity', 'app_definer', 'app_searcher'
  )
join pg_catalog.pg_shdepend
  on pg_shdepend.refclassid = 'pg_authid'::regclass
  and pg_shdepend.refobjid = holders.oid
  and pg_shdepend.deptype = 'a'
  and pg_shdepend.dbid = (
    select pg_database.oid from pg_catalog.pg_database where datname = current_database()
  )
left join pg_catalog.pg_class
  on pg_shdepend.classid = 'pg_class'::regclass and pg_class.oid = pg_shdepend.objid
left join pg_catalog.pg_proc
  on pg_shdepend.classid = 'pg_proc'::regclass and pg_proc.oid = pg_shdepend.objid
cross join lateral (
  select coalesce(pg_class.relnamespace, pg_proc.pronamespace)::regnamespace::text
) as schemas (name)
cross join (values ('tables'), ('sequences'), ('routines')) as kinds (name)
where schemas.name in ('app_public', 'app_private', 'auth', 'graphile_worker')
group by logins.rolname, schemas.name;
