/*
 * Migrations run as rowhouse_migrator, whose BYPASSRLS lets data migrations see rows. What they
 * create must not stay theirs. Run after every migration (.gmrc).
 */
reassign owned by rowhouse_migrator to rowhouse_owner;

/* Both processes ask at their start whether the database is as far as their code. */
grant usage on schema graphile_migrate to rowhouse_server, app_worker;
grant select on graphile_migrate.migrations to rowhouse_server, app_worker;
