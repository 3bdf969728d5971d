/** What must hold before a process serves or takes jobs. Each check throws with cause and cure. */
import type pg from "pg";
import type { Logger } from "pino";

import { describeConnectionError } from "./connection_error.ts";
import { readParts } from "./audit_rules.ts";
import { runAudit, type Finding } from "./isolation_audit.ts";
import { migrationState } from "./migration_state.ts";
import { describePoolError, faultOfPool, type ProbedPool } from "./pool_probe.ts";

type Queryable = Pick<pg.Pool, "query">;

export type GuardOptions = {
  /** What the process works with; the audit runs on the first. */
  pools: readonly [ProbedPool & { pool: Queryable }, ...ProbedPool[]];
  /** Where they lead. */
  databaseUrl: string;
  isProduction: boolean;
  logger: Pick<Logger, "warn">;
};

/** The process must not run against this database; the message says why and what to do. */
export class StartupError extends Error {
  override name = "StartupError";
}

/** All of them, in the order in which a failure explains most. */
export async function guardStartup(options: GuardOptions): Promise<void> {
  const [{ pool }] = options.pools;
  try {
    await refuseUnsafeRole(pool);
    await requireSafeVersion(pool, options);
    for (const probed of options.pools) await refuseLeakyPool(probed);
    await requireMigrations(pool);
    await requireCleanAudit(pool);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const described =
      describeConnectionError(error, options.databaseUrl) ?? describePoolError(error);
    throw described === undefined ? error : new StartupError(described, { cause: error });
  }
}

/** Throws while committed migrations of this code are not in the database. */
export async function requireMigrations(pool: Queryable): Promise<void> {
  const { pending } = await migrationState(pool);
  if (pending.length === 0) return;
  throw new StartupError(
    `The database lacks the migrations ${pending.join(", ")}. Run: npm run migrate`,
  );
}

/**
 * Throws while the isolation audit has errors. Where newer code has migrated the database, its list of
 * reviewed exceptions counts, which its own audit went by and ours can't know: a deployment must not
 * stop the processes that it has yet to replace. What no exception excuses still does.
 */
export async function requireCleanAudit(pool: Queryable): Promise<void> {
  const found = (await runAudit(pool)).filter(({ severity }) => severity === "error");
  const errors = found.length === 0 ? [] : await withoutNewer(pool, found);
  const [first] = errors;
  if (first === undefined) return;
  throw new StartupError(
    `The isolation audit has ${errors.length} error(s), the first: ${first.object}: ${first.problem}. ` +
      "Run: npm run audit",
  );
}

async function withoutNewer(pool: Queryable, errors: readonly Finding[]): Promise<Finding[]> {
  const { unknown } = await migrationState(pool);
  if (unknown.length === 0) return [...errors];
  const { exceptions } = await readParts();
  return errors.filter(({ rule }) => !exceptions.includes(`('${rule}',`));
}

/**
 * Refuses a login role that policies would not hold back: superuser, BYPASSRLS, an owner of our
 * tables, or one that can become any of these. Throws with the reason.
 */
export async function refuseUnsafeRole(pool: Queryable): Promise<void> {
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
        and pg_class.relnamespace in (
          to_regnamespace('app_public'), to_regnamespace('app_private'), to_regnamespace('auth')
        )
      )
    )
    order by pg_roles.rolname <> session_user, pg_roles.rolname
    limit 1
  `);
  const [found] = rows;
  if (found === undefined) return;
  const how = found.role === found.login ? "is" : `can become ${found.role}, which is`;
  throw new StartupError(
    `The database login "${found.login}" ${how} ${found.fault}: row-level security would not hold ` +
      "it back. Use rowhouse_server or rowhouse_worker (db/bootstrap.sql).",
  );
}

/** The first releases without the holes that are known; db/audit/server_version.sql has them too. */
const FLOORS: Readonly<Record<number, number>> = {
  15: 150_019,
  16: 160_015,
  17: 170_011,
  18: 180_006,
};
const OLDEST = 15;

/** Refuses a PostgreSQL that is too old; in production also one with known holes. */
export async function requireSafeVersion(
  pool: Queryable,
  { isProduction, logger }: Pick<GuardOptions, "isProduction" | "logger">,
): Promise<void> {
  const { rows } = await pool.query<{ version: number }>(
    "select current_setting('server_version_num')::integer as version",
  );
  const version = rows[0]?.version ?? 0;
  const major = Math.floor(version / 10_000);
  const name = `PostgreSQL ${major}.${version % 10_000}`;
  if (major < OLDEST) {
    throw new StartupError(`${name} is too old. Use PostgreSQL ${OLDEST} or later.`);
  }
  const floor = FLOORS[major];
  if (floor === undefined || version >= floor) return;
  const problem =
    `${name} has known holes in row-level security. ` +
    `Update it to ${major}.${floor % 10_000} or later.`;
  if (isProduction) throw new StartupError(problem);
  logger.warn(`${problem} In production this would be refused.`);
}

async function refuseLeakyPool(probed: ProbedPool): Promise<void> {
  const fault = await faultOfPool(probed);
  if (fault !== undefined) throw new StartupError(fault);
}
