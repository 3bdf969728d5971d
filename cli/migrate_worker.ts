/**
 * Installs or updates graphile-worker's schema. It comes before our own SQL, whose functions call
 * graphile_worker.add_job. Also a command of its own, for graphile-migrate's afterReset (.gmrc).
 */
import { Logger, runMigrations } from "graphile-worker";
import pg from "pg";

import { readEnvironment } from "../server/environment.ts";
import { migrationError } from "./migrate_error.ts";

/** Brings the queue's schema up to date; tells whether there was anything to do. */
export async function migrateWorkerSchema(databaseUrl: string): Promise<boolean> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 1,
    connectionTimeoutMillis: 10_000,
  });
  // A connection that breaks is noticed by the next query. Without both handlers, the library
  // warns, and an idle one that breaks would end the process.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  try {
    const before = await latestRevision(pool);
    await runMigrations({ pgPool: pool, logger: quiet });
    return (await latestRevision(pool)) !== before;
  } catch (error) {
    throw migrationError(error, databaseUrl);
  } finally {
    await pool.end();
  }
}

const quiet = new Logger(() => () => {});

async function latestRevision(pool: pg.Pool): Promise<number> {
  const installed = await pool.query<{ found: boolean }>(
    "select to_regclass('graphile_worker.migrations') is not null as found",
  );
  if (installed.rows[0]?.found !== true) return 0;
  const { rows } = await pool.query<{ id: number | null }>(
    "select max(id) as id from graphile_worker.migrations",
  );
  return rows[0]?.id ?? 0;
}

if (import.meta.main) {
  const url = readEnvironment(process.env, (read) => read.postgresUrl("GM_DBURL"));
  await migrateWorkerSchema(url);
}
