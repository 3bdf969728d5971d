/*
 * A policy refuses whoever has no tenant to read. In a scan of a whole table that comes after what
 * the client asked for, row by row, so whether it comes tells that somebody has such a row, and by
 * ranges what stands in it. An index with the tenant puts the tenant first: the server's login scans
 * no whole tables where there is one.
 */
select
  'error' as severity,
  pg_roles.rolname::text as object,
  'its statements may compare what a client asks for before whose row it is' as problem,
  format('alter role %I set enable_seqscan = off;', pg_roles.rolname) as remedy
from pg_catalog.pg_roles
where pg_roles.rolname = 'rowhouse_server'
and not exists (
  select
  from pg_catalog.pg_db_role_setting
  where pg_db_role_setting.setrole = pg_roles.oid
  and pg_db_role_setting.setdatabase = 0
  and 'enable_seqscan=off' = any (pg_db_role_setting.setconfig)
);
