/*
 * What a login has of its own it has before it becomes anyone and enters any tenant: also when a
 * request's settings were forgotten. So it owns nothing, and holds nothing but the doors, each of
 * which is a row in exceptions.sql. (Other rules look at databases, at functions of PostgreSQL's own
 * and at the migrations' schema: create_rights, dangerous_functions, unaudited_schema.)
 */
select
  'error' as severity,
  logins.rolname::text as object,
  case pg_shdepend.deptype when 'o' then 'owns ' else '' end || things.description as detail,
  format(
    'the login %s %s',
    case pg_shdepend.deptype when 'o' then 'owns' else 'has a right of its own on' end,
    things.description
  ) as problem,
  case
    when pg_shdepend.deptype = 'o' then format('reassign owned by %I to rowhouse_owner;', logins.rolname)
    when pg_shdepend.classid = 'pg_default_acl'::regclass then format('drop owned by %I;', logins.rolname)
    else format(
      'revoke all on %s from %I;',
      case
        when pg_shdepend.classid = 'pg_proc'::regclass
          then 'routine ' || pg_shdepend.objid::regprocedure
        when pg_shdepend.classid = 'pg_class'::regclass then pg_shdepend.objid::regclass::text
        else things.description
      end,
      logins.rolname
    )
  end as remedy
from pg_catalog.pg_shdepend
join pg_catalog.pg_roles as logins on logins.oid = pg_shdepend.refobjid
cross join lateral (
  select case
    when pg_shdepend.classid = 'pg_class'::regclass then pg_shdepend.objid::regclass::text
    else pg_describe_object(pg_shdepend.classid, pg_shdepend.objid, 0)
  end
) as things (description)
where logins.rolname in ('rowhouse_server', 'rowhouse_worker')
and pg_shdepend.refclassid = 'pg_authid'::regclass
and pg_shdepend.deptype in ('o', 'a')
and pg_shdepend.classid <> 'pg_database'::regclass
and not (
  pg_shdepend.deptype = 'a'
  and case pg_shdepend.classid
    when 'pg_proc'::regclass then exists (
      select from pg_catalog.pg_proc
      where pg_proc.oid = pg_shdepend.objid and pg_proc.pronamespace = 'pg_catalog'::regnamespace
    )
    when 'pg_namespace'::regclass then exists (
      select from pg_catalog.pg_namespace
      where pg_namespace.oid = pg_shdepend.objid and pg_namespace.nspname = 'graphile_migrate'
    )
    when 'pg_class'::regclass then exists (
      select from pg_catalog.pg_class
      where pg_class.oid = pg_shdepend.objid
      and pg_class.relnamespace::regnamespace::text = 'graphile_migrate'
    )
    else false
  end
)
and pg_shdepend.dbid in (
  0, (select pg_database.oid from pg_catalog.pg_database where datname = current_database())
)
group by logins.rolname, pg_shdepend.deptype, pg_shdepend.classid, pg_shdepend.objid, things.description;
