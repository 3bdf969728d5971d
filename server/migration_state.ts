/** What the database has, against what this checkout has. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import type pg from "pg";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

export type MigrationState = {
  /** Committed, but not yet in the database. */
  pending: string[];
  /** In the database with another content than ours: history was rewritten. */
  altered: string[];
  /** In the database, but not in this checkout: it was migrated by newer code. */
  unknown: string[];
};

/** Compares by number and hash; one statement, two when there is a history. */
export async function migrationState(
  client: Pick<pg.ClientBase, "query">,
): Promise<MigrationState> {
  const committed = await committedMigrations();
  const executed = await executedMigrations(client);
  return {
    pending: [...committed.keys()].filter((number) => !executed.has(number)),
    altered: [...committed]
      .filter(([number, hash]) => executed.has(number) && executed.get(number) !== hash)
      .map(([number]) => number),
    unknown: [...executed.keys()].filter((number) => !committed.has(number)),
  };
}

/** Whether current.sql holds anything to run; an include is a comment to PostgreSQL only. */
export async function hasCurrentMigration(): Promise<boolean> {
  const text = await readFile(`${MIGRATIONS}/current.sql`, "utf8").catch(() => "");
  const blank = /^\s*$|^\s*--(?!!\s*include\b)/;
  return text.split("\n").some((line) => !blank.test(line));
}

async function committedMigrations(): Promise<Map<string, string>> {
  const names = await readdir(`${MIGRATIONS}/committed`).catch((): string[] => []);
  const migrations = new Map<string, string>();
  for (const name of names.toSorted()) {
    const number = /^\d{6}(?=.*\.sql$)/.exec(name)?.[0];
    if (number === undefined) continue;
    const text = await readFile(`${MIGRATIONS}/committed/${name}`, "utf8");
    migrations.set(number, /^--! Hash: (\S+)$/m.exec(text)?.[1] ?? "");
  }
  return migrations;
}

async function executedMigrations(
  client: Pick<pg.ClientBase, "query">,
): Promise<Map<string, string>> {
  const { rows: found } = await client.query<{ found: boolean }>(
    "select to_regclass('graphile_migrate.migrations') is not null as found",
  );
  if (found[0]?.found !== true) return new Map();
  const { rows } = await client.query<{ filename: string; hash: string }>(
    "select filename, hash from graphile_migrate.migrations order by filename",
  );
  return new Map(rows.map((row) => [row.filename.slice(0, 6), row.hash]));
}
