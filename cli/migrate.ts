/** Brings a database to this checkout's schema: the queue's, then the committed migrations. */
import pg from "pg";

import { ConfigError, parseMigrationConfig } from "../server/config.ts";
import { MigrationError, migrationError } from "./migrate_error.ts";
import {
  hasCurrentMigration,
  migrationState,
  type MigrationState,
} from "../server/migration_state.ts";
import { migrateWorkerSchema } from "./migrate_worker.ts";

export { MigrationError } from "./migrate_error.ts";

export type MigrateOptions = {
  /** The migrator's login. */
  databaseUrl: string;
  /**
   * Also run current.sql, the migration that is still being written. For development and tests,
   * which must see the schema of the checkout; a deployment applies committed migrations only,
   * since those alone are hashed, recorded and never run twice. A deployment's are audited before
   * they are committed; here the tests say what the audit finds.
   */
  current?: boolean;
  log?: (line: string) => void;
};

/** Migrates; rejects with a MigrationError. Does next to nothing when there is nothing to do. */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { databaseUrl, current = false, log = () => {} } = options;
  try {
    const state = await readState(databaseUrl);
    refuseAlteredHistory(state);
    if (state.unknown.length > 0) {
      log(`Migrations that only newer code knows: ${state.unknown.join(", ")}`);
    }
    const queueChanged = await migrateWorkerSchema(databaseUrl);
    if (queueChanged) log("The job queue's schema is up to date");
    const withCurrent = await hasCurrentMigration();
    if (withCurrent && !current) {
      log("migrations/current.sql is not empty and was left out: npm run db:commit adds it");
    }
    if (state.pending.length === 0 && !queueChanged && !(withCurrent && current)) {
      log("Nothing to migrate");
      return;
    }
    await runGraphileMigrate(databaseUrl, { current, withCurrent, log });
  } catch (error) {
    throw migrationError(error, databaseUrl);
  }
}

type RunOptions = { current: boolean; withCurrent: boolean; log: (line: string) => void };

async function runGraphileMigrate(
  databaseUrl: string,
  { current, withCurrent, log }: RunOptions,
): Promise<void> {
  // Loaded only now: most starts have nothing to migrate.
  const [graphileMigrate, { migrateAudited }, { migrationSettings }, { clearAllPools }] =
    await Promise.all([
      import("graphile-migrate"),
      import("./migrate_audited.ts"),
      import("./migrate_settings.ts"),
      import("graphile-migrate/dist/pg.js"),
    ]);
  const settings = await migrationSettings({ databaseUrl }, log);
  try {
    // Forced, because the queue's schema may be all that changed, and must change owner as well.
    if (!current) await migrateAudited(settings);
    else if (withCurrent) await graphileMigrate.current(settings, { forceActions: true });
    else await graphileMigrate.migrate(settings, false, true);
  } finally {
    // It would keep them for 200 ms, in which a server that stops would end our process.
    clearAllPools();
  }
}

async function readState(databaseUrl: string): Promise<MigrationState> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return await migrationState(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function refuseAlteredHistory({ altered }: MigrationState): void {
  if (altered.length === 0) return;
  throw new MigrationError(
    `Migration ${altered.join(", ")} in migrations/committed is not the one this database ran. Restore the file, or, when the data may go, run \`npm run db:reset\`.`,
  );
}

async function main(): Promise<void> {
  const { databaseUrl } = parseMigrationConfig(process.env);
  await migrate({ databaseUrl, log: (line) => console.log(line) });
  await requireCleanAudit(databaseUrl);
}

/** A schema that could mix tenants is not to be served, however well it migrated. */
async function requireCleanAudit(databaseUrl: string): Promise<void> {
  const { audit } = await import("./audit.ts");
  const findings = await audit({ databaseUrl });
  const errors = findings.filter((finding) => finding.severity === "error");
  if (errors.length === 0) {
    console.log("The isolation audit is clean");
    return;
  }
  throw new MigrationError(
    `The isolation audit has ${errors.length} error${errors.length === 1 ? "" : "s"}. Run \`npm run audit\` to see them.`,
  );
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const expected = error instanceof ConfigError || error instanceof MigrationError;
    console.error(expected ? error.message : error);
    process.exitCode = 1;
  }
}
