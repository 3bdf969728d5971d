/** The db:* scripts: graphile-migrate against the embedded server, or against one of yours. */
import { parseArgs } from "node:util";

import * as graphileMigrate from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pg.js";

import { MigrationError, migrationError } from "../cli/migrate_error.ts";
import { hasCurrentMigration } from "../server/migration_state.ts";
import { migrationSettings } from "../cli/migrate_settings.ts";
import { migrateWorkerSchema } from "../cli/migrate_worker.ts";
import { ConfigError } from "../server/config.ts";
import { keepMigrations } from "./migrations_kept.ts";
import { openScratch, openTarget, type Target } from "./migrations_target.ts";
import { OperatorError } from "./operator_error.ts";

const USAGE = `Usage: node dev/migrations.ts <command>

  commit     make migrations/current.sql the next committed migration (--message "why")
  uncommit   take the last committed migration back into current.sql
  recommit   uncommit, then commit: before 1.0, after every change of db/
  watch      run current.sql at every change of it or of db/
  reset      drop the database and migrate it from nothing
  status     exit code 1: migrations are pending; 2: current.sql is not empty; 3: both

They work on the embedded server of ROWHOUSE_HOME, whether npm start runs or not; recommit on one
of its own. With
MIGRATION_DATABASE_URL, ROOT_DATABASE_URL (a superuser's) and SHADOW_DATABASE_URL (a database that
may be dropped) they work on those; reset then wants --yes.
`;

type Context = {
  target: Target;
  settings: graphileMigrate.Settings;
  flags: { message: string | undefined; yes: boolean };
};

const COMMANDS: Readonly<Record<string, (context: Context) => Promise<void>>> = {
  commit: ({ settings, flags }) => graphileMigrate.commit(settings, flags.message),
  uncommit: ({ settings }) => uncommit(settings),
  recommit,
  watch,
  reset,
  status,
};

/** On a server of its own: one that ran the migration before would keep what has changed in it. */
async function recommit({ settings, flags }: Context): Promise<void> {
  await using files = await keepMigrations();
  if (!(await hasCurrentMigration())) await uncommit(settings);
  await graphileMigrate.reset(settings);
  await graphileMigrate.commit(settings, flags.message);
  files.letGo();
  console.log("Databases that ran it before are refused from now on: npm run db:reset.");
}

async function uncommit(settings: graphileMigrate.Settings): Promise<void> {
  // It forgets the migration in the database last of all, and fails there when that never ran it.
  await graphileMigrate.migrate(settings);
  await graphileMigrate.uncommit(settings);
}

async function watch({ settings }: Context): Promise<void> {
  await graphileMigrate.watch(settings);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

async function reset({ target, settings, flags }: Context): Promise<void> {
  if (!target.embedded && !flags.yes) {
    throw new OperatorError(
      "This drops the database in MIGRATION_DATABASE_URL with all its data. Add --yes if you mean it.",
    );
  }
  if (target.inUseBy !== undefined) {
    throw new OperatorError(
      `The database is in use by npm start (process ${target.inUseBy}). Stop it first.`,
    );
  }
  await graphileMigrate.reset(settings);
}

async function status({ settings }: Context): Promise<void> {
  const { remainingMigrations = [], hasCurrentMigration: unfinished } =
    await graphileMigrate.status(settings);
  const pending = remainingMigrations.length > 0;
  if (pending) console.log(`Not yet run: ${remainingMigrations.join(", ")}`);
  if (unfinished) console.log("migrations/current.sql is not empty");
  if (!pending && !unfinished) console.log("Up to date");
  process.exitCode = (pending ? 1 : 0) + (unfinished ? 2 : 0);
}

async function run(name: string, flags: Context["flags"]): Promise<void> {
  const command = COMMANDS[name];
  if (command === undefined) throw new UsageError(`Unknown command: ${name || "(none)"}`);
  await using target = await (name === "recommit" ? openScratch() : openTarget(process.env));
  try {
    // Our functions call the queue's; a database that was never migrated lacks both.
    if (name !== "status" && name !== "reset") await migrateWorkerSchema(target.databaseUrl);
    const settings = await migrationSettings(target, (line) => console.log(line));
    await command({ target, settings, flags });
  } catch (error) {
    throw error instanceof OperatorError ? error : migrationError(error, target.databaseUrl);
  } finally {
    // Idle connections that the server's shutdown breaks would end this process with an error.
    clearAllPools();
  }
}

class UsageError extends Error {
  override name = "UsageError";
}

async function main(): Promise<void> {
  const { values, positionals } = parseCommandLine();
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (positionals.length > 1) throw new UsageError("One command at a time");
  await run(positionals[0] ?? "", { message: values.message, yes: values.yes });
}

function parseCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        message: { type: "string", short: "m" },
        yes: { type: "boolean", short: "y", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    const expected =
      error instanceof OperatorError ||
      error instanceof MigrationError ||
      error instanceof ConfigError;
    console.error(expected ? error.message : error);
    process.exitCode = 1;
  }
}
