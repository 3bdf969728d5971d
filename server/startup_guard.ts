/** What must hold before a process serves or takes jobs. Each check throws with cause and cure. */
import type pg from "pg";

import { describeConnectionError } from "./connection_error.ts";
import { runAudit } from "./isolation_audit.ts";
import { migrationState } from "./migration_state.ts";

type Queryable = Pick<pg.Pool, "query">;

/** The process must not run against this database; the message says why and what to do. */
export class StartupError extends Error {
  override name = "StartupError";
}

/** All of them, in the order in which a failure explains most. `databaseUrl` is where the pool leads. */
export async function guardStartup(pool: Queryable, databaseUrl: string): Promise<void> {
  try {
    await refuseUnsafeRole(pool);
    await requireMigrations(pool);
    await requireCleanAudit(pool);
  } catch (error) {
    const described = describeConnectionError(error, databaseUrl);
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

/** Throws while the isolation audit has errors. */
export async function requireCleanAudit(pool: Queryable): Promise<void> {
  const errors = (await runAudit(pool)).filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first === undefined) return;
  throw new StartupError(
    `The isolation audit has ${errors.length} error(s), the first: ${first.object}: ${first.problem}. ` +
      "Run: npm run audit",
  );
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
        and pg_class.relnamespace in (to_regnamespace('app_public'), to_regnamespace('app_private'))
      )
    )
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
