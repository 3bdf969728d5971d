/*
 * Older minor versions have known holes in row-level security: a prepared statement that keeps a
 * right after it was revoked, on conflict that shows rows of others. In production a process refuses
 * to start on them (server/startup_guard.ts holds the same floors).
 */
select
  'warning' as severity,
  'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) as object,
  'this version has known holes in row-level security' as problem,
  case
    when server.version < 150000 then 'Move to PostgreSQL 15 or later.'
    else format(
      'Update PostgreSQL to %s.%s or later.', floors.version / 10000, floors.version % 10000
    )
  end as remedy
from (select current_setting('server_version_num')::integer) as server (version)
left join (values (180006), (170011), (160015), (150019)) as floors (version)
  on floors.version / 10000 = server.version / 10000
where server.version < coalesce(floors.version, 150000);
