/** db/ as it stands, applied without any migration. */
import { readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { migrateWorkerSchema } from "../../cli/migrate_worker.ts";
import { bootstrapDatabase } from "../../dev/bootstrap.ts";
import { withClient, withDatabase, type TestDatabase } from "./server.ts";

const DB = fileURLToPath(new URL("../../db", import.meta.url));

/** A file of db/ with everything that it includes. */
export async function schemaSql(file = "index.sql"): Promise<string> {
  const lines = (await readFile(join(DB, file), "utf8")).split("\n");
  const parts = lines.map(async (line) => {
    const included = /^--![ \t]*include[ \t]+(.*\.sql)[ \t]*$/.exec(line)?.[1];
    return included === undefined ? line : schemaSql(included);
  });
  return (await Promise.all(parts)).join("\n");
}

/** Every SQL file of db/, by its path there. */
export async function schemaFiles(): Promise<Map<string, string>> {
  const entries = await readdir(DB, { recursive: true, withFileTypes: true });
  const files = new Map<string, string>();
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith(".sql")) files.set(relative(DB, path), await readFile(path, "utf8"));
  }
  return files;
}

/** Runs `use` with a database that has what comes before db/index.sql: roles and the queue. */
export async function withBootstrappedDatabase<T>(
  use: (database: TestDatabase) => Promise<T>,
): Promise<T> {
  return withDatabase("empty", async (database) => {
    const { superuser, migrator } = database.urls;
    await bootstrapDatabase({ superuserUrl: superuser, database: database.name });
    await migrateWorkerSchema(migrator);
    return use(database);
  });
}

/** Runs db/index.sql as a migration would: as the migrator, at once or not at all. */
export async function applySchema({ urls }: TestDatabase): Promise<void> {
  const [schema, ownership] = await Promise.all([schemaSql(), schemaSql("ownership.sql")]);
  await withClient(urls.migrator, async (client) => {
    await client.query(`begin; ${schema}; commit`);
    await client.query(ownership);
  });
}
