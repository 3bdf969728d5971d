/*
 * Migrations run as rowhouse_migrator, whose BYPASSRLS lets data migrations see rows. What they
 * create must not stay theirs. Run after every migration (.gmrc).
 */
reassign owned by rowhouse_migrator to rowhouse_owner;
