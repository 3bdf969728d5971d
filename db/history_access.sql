/*
 * Both processes ask at their start whether the database is as far as their code, so they may read
 * graphile-migrate's history. Run after every migration (.gmrc).
 */
grant usage on schema graphile_migrate to rowhouse_server, app_worker;
grant select on graphile_migrate.migrations to rowhouse_server, app_worker;
