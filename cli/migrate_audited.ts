/**
 * The pending migrations in one transaction with the audit of what they make of the schema: one that
 * would mix tenants leaves nothing behind. graphile-migrate does all but begin and commit.
 */
import { readFile } from "node:fs/promises";

import type pg from "pg";
import type { Settings } from "graphile-migrate";
import { executeActions } from "graphile-migrate/dist/actions.js";
import { isNoTransactionDefined } from "graphile-migrate/dist/header.js";
import {
  getLastMigration,
  getMigrationsAfter,
  runCommittedMigration,
} from "graphile-migrate/dist/migration.js";
import { withAdvisoryLock, withClient } from "graphile-migrate/dist/pg.js";
import { parseSettings, type ParsedSettings } from "graphile-migrate/dist/settings.js";

import { runAudit, type Finding } from "../server/isolation_audit.ts";
import { MigrationError } from "./migrate_error.ts";

const SHOWN = 5;

/** Runs what is pending, and .gmrc's actions; rejects, with nothing changed, if the audit objects. */
export async function migrateAudited(settings: Settings): Promise<void> {
  const parsed = await parseSettings(settings);
  await withClient(parsed.connectionString, parsed, (client, context) =>
    withAdvisoryLock(client, async () => {
      const pending = await getMigrationsAfter(parsed, await getLastMigration(client, parsed));
      await executeActions(parsed, false, parsed.beforeAllMigrations);
      // Some statements refuse to run in a transaction; then the audit can only come after.
      const atOnce = pending.every(({ body }) => !isNoTransactionDefined(body));
      const held = atOnce ? withoutBorders(client) : client;
      if (atOnce) await client.query("begin");
      try {
        for (const migration of pending) {
          await runCommittedMigration(held, parsed, context, migration, "");
        }
        await runAfterActions(client, parsed);
        if (atOnce) {
          refuseErrors(await runAudit(client));
          await client.query("commit");
        }
      } catch (error) {
        await client.query("rollback");
        throw error;
      }
    }),
  );
  // Once more, with those that are no SQL.
  await executeActions(parsed, false, parsed.afterAllMigrations);
}

/** What each migration would begin and commit by itself happens in the transaction around all. */
const BORDERS: Readonly<Record<string, string>> = {
  begin: "select",
  commit: "set constraints all immediate",
};

function withoutBorders(client: pg.PoolClient): pg.PoolClient {
  return new Proxy(client, {
    get(target, key) {
      if (key !== "query") return Reflect.get(target, key);
      return (statement: string | pg.QueryConfig, values?: unknown[]) => {
        const border = typeof statement === "string" ? BORDERS[statement] : undefined;
        return target.query(border ?? statement, values);
      };
    },
  });
}

/** Ownership above all: the audit looks at who owns what. */
async function runAfterActions(client: pg.PoolClient, parsed: ParsedSettings): Promise<void> {
  for (const action of parsed.afterAllMigrations) {
    if (action._ !== "sql" || action.root === true) continue;
    await client.query(await readFile(`${parsed.migrationsFolder}/${action.file}`, "utf8"));
  }
}

function refuseErrors(findings: readonly Finding[]): void {
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return;
  const shown = errors
    .slice(0, SHOWN)
    .map(({ rule, object, problem, remedy }) => `  ${rule}  ${object}: ${problem}\n    ${remedy}`);
  const more = errors.length > SHOWN ? `\n  and ${errors.length - SHOWN} more` : "";
  throw new MigrationError(
    `The isolation audit refuses the migration, which was rolled back:\n${shown.join("\n")}${more}\n` +
      "docs/isolation_audit.md says how to read this.",
  );
}
