/*
 * A policy refuses whoever has no tenant to read. In a scan of a whole table, or of rows asked for by
 * where they lie, that comes after what the client asked for, row by row, so whether it comes tells
 * that somebody has such a row, and by ranges what stands in it. An index with the tenant puts the
 * tenant first: the server's login reads in no other way where there is one, so there must be one.
 */
select
  'error' as severity,
  pg_roles.rolname::text as object,
  switches.name as detail,
  format(
    'its statements may compare what a client asks for before whose row it is: %s is on',
    switches.name
  ) as problem,
  case
    when here.is_on
      then format('alter role %I in database %I reset %s;', pg_roles.rolname, current_database(), switches.name)
    else format('alter role %I set %s = off;', pg_roles.rolname, switches.name)
  end as remedy
from pg_catalog.pg_roles
cross join (values ('enable_seqscan'), ('enable_tidscan')) as switches (name)
/* What is set for a role in one database goes before what is set for the role. */
cross join lateral (
  select exists (
    select
    from pg_catalog.pg_db_role_setting
    join pg_catalog.pg_database on pg_database.oid = pg_db_role_setting.setdatabase
    cross join lateral unnest(pg_db_role_setting.setconfig) as setting
    where pg_db_role_setting.setrole = pg_roles.oid
    and pg_database.datname = current_database()
    and split_part(setting, '=', 1) = switches.name
    and split_part(setting, '=', 2) <> 'off'
  )
) as here (is_on)
where pg_roles.rolname = 'rowhouse_server'
and (
  here.is_on
  or not exists (
    select
    from pg_catalog.pg_db_role_setting
    where pg_db_role_setting.setrole = pg_roles.oid
    and pg_db_role_setting.setdatabase = 0
    and switches.name || '=off' = any (pg_db_role_setting.setconfig)
  )
)
union all
select
  'error',
  tables.name,
  '',
  'a tenant table without an index over all its rows that has tenant_id as a key',
  format('create index on %s (tenant_id);', tables.name)
from tables
where tables.tenant_column is not null
and not exists (
  select
  from pg_catalog.pg_index
  join pg_catalog.pg_class as indexes on indexes.oid = pg_index.indexrelid
  join pg_catalog.pg_am on pg_am.oid = indexes.relam
  where pg_index.indrelid = tables.oid
  and pg_index.indisvalid
  and pg_index.indpred is null
  and pg_am.amname = 'btree'
  and tables.tenant_column = any ((pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1])
);
