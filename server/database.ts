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

/**
 * Refuses a login role that policies would not hold back: superuser, BYPASSRLS, an owner of our
 * tables, or one that can become any of these. Throws with the reason.
 */
export async function refuseUnsafeRole(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ role: string; login: string; fault: string }>(`
    select
      session_user as login,
      pg_roles.rolname as role,
      case
        when pg_roles.rolsuper then 'a superuser'
        when pg_roles.rolbypassrls then 'BYPASSRLS'
        else 'an owner of tables'
      end as fault
    from pg_catalog.pg_roles
    where pg_has_role(session_user, pg_roles.oid, 'member')
    and (
      pg_roles.rolsuper
      or pg_roles.rolbypassrls
      or exists (
        select from pg_catalog.pg_class
        where pg_class.relowner = pg_roles.oid
        and pg_class.relnamespace in ('app_public'::regnamespace, 'app_private'::regnamespace)
      )
    )
    limit 1
  `);
  const [found] = rows;
  if (found === undefined) return;
  const how = found.role === found.login ? "is" : `can become ${found.role}, which is`;
  throw new UnsafeRoleError(
    `The database login "${found.login}" ${how} ${found.fault}: row-level security would not hold ` +
      "it back. Use rowhouse_server or rowhouse_worker (db/bootstrap.sql).",
  );
}

/** The login role must not be used; the message says why and what to use. */
export class UnsafeRoleError extends Error {
  override name = "UnsafeRoleError";
}
