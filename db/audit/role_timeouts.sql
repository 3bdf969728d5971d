/*
 * Any right to write a table is a right to lock it, for every tenant, and no policy forbids a
 * statement that runs for hours. The logins' timeouts end both.
 */
select
  'warning' as severity,
  pg_roles.rolname::text as object,
  wanted.setting || ' is not set' as problem,
  format('alter role %I set %s = %L;', pg_roles.rolname, wanted.setting, wanted.value) as remedy
from pg_catalog.pg_roles
join (
  values
    ('rowhouse_server', 'statement_timeout', '15s'),
    ('rowhouse_server', 'lock_timeout', '3s'),
    ('rowhouse_server', 'idle_in_transaction_session_timeout', '10s'),
    ('rowhouse_worker', 'statement_timeout', '60s'),
    ('rowhouse_worker', 'lock_timeout', '10s'),
    ('rowhouse_worker', 'idle_in_transaction_session_timeout', '60s')
) as wanted (role, setting, value) on wanted.role = pg_roles.rolname
where not exists (
  select
  from pg_catalog.pg_db_role_setting
  cross join lateral unnest(pg_db_role_setting.setconfig) as setting
  where pg_db_role_setting.setrole = pg_roles.oid
  and split_part(setting, '=', 1) = wanted.setting
  and split_part(setting, '=', 2) not in ('', '0', '-1')
);
