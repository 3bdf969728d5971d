/*
 * Tenancy is a setting of the transaction. One that a role, a database or a function presets is
 * there in every transaction, for whoever forgot to enter; a preset role or row_security is as bad.
 */
with presets (object, setting, remedy) as (
  select
    coalesce('role ' || quote_ident(pg_roles.rolname), 'database'),
    setting,
    format(
      'alter %s reset %s;',
      case
        when pg_roles.oid is null then format('database %I', pg_database.datname)
        when pg_database.oid is null then format('role %I', pg_roles.rolname)
        else format('role %I in database %I', pg_roles.rolname, pg_database.datname)
      end,
      split_part(setting, '=', 1)
    )
  from pg_catalog.pg_db_role_setting
  left join pg_catalog.pg_roles on pg_roles.oid = pg_db_role_setting.setrole
  left join pg_catalog.pg_database on pg_database.oid = pg_db_role_setting.setdatabase
  cross join lateral unnest(pg_db_role_setting.setconfig) as setting
  where (pg_database.oid is null or pg_database.datname = current_database())
  and (
    pg_roles.oid is null or pg_roles.oid in (select run_time_roles.oid from run_time_roles)
  )
  union all
  select
    routines.name,
    setting,
    format('alter routine %s reset %s;', routines.name, split_part(setting, '=', 1))
  from routines
  join pg_catalog.pg_proc on pg_proc.oid = routines.oid
  cross join lateral unnest(pg_proc.proconfig) as setting
)
select
  'error' as severity,
  presets.object,
  split_part(presets.setting, '=', 1) || ' is preset' as problem,
  presets.remedy
from presets
where presets.setting ~* '^(app\.|role=|row_security=|session_replication_role=|session_authorization=)';
