import pg from "pg";
import type { Logger } from "pino";

/** Whoever waits longer than this for a connection had better be told. */
const CONNECT_TIMEOUT_MS = 5_000;

export type PoolOptions = {
  connectionString: string;
  applicationName: string;
  logger: Logger;
  max?: number;
  /** A role that every connection of this pool becomes at once. */
  role?: "app_identity" | "app_worker" | "rowhouse_server";
  searchPath?: string;
  /** Statements may be sent before earlier ones are answered. */
  pipeline?: boolean;
};

/** A pool that outlives lost connections: they are logged, and replaced when next needed. */
export function makePool(options: PoolOptions): pg.Pool {
  const { connectionString, applicationName, logger, max = 10, role, searchPath } = options;
  const settings = [
    ...(role === undefined ? [] : [`-c role=${role}`]),
    ...(searchPath === undefined ? [] : [`-c search_path=${searchPath}`]),
  ];
  const pool = new pg.Pool({
    connectionString,
    application_name: applicationName,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...(settings.length === 0 ? {} : { options: settings.join(" ") }),
    ...(options.pipeline === true ? { pipeline: true } : {}),
  });
  const report = (error: Error) => {
    logger.warn({ err: error }, "lost a database connection");
  };
  pool.on("error", report);
  // A connection that is lent out reports to itself; unheard, that would end the process.
  pool.on("connect", (client) => client.on("error", report));
  return pool;
}
