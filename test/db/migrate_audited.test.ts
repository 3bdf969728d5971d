/** A deployment: what `npm run migrate` does with migrations that the audit objects to. */
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { calculateHash } from "graphile-migrate/dist/hash.js";
import { clearAllPools } from "graphile-migrate/dist/pg.js";
import type pg from "pg";

import { migrateAudited } from "../../cli/migrate_audited.ts";
import { MIGRATIONS, migrationSettings, ROOT } from "../../cli/migrate_settings.ts";
import { expect, test, withClient, withDatabase, type TestDatabase } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";

const GOOD = `
  create table app_private.kept (tenant_id uuid constraint kept_pkey primary key);
  alter table app_private.kept enable row level security;
  alter table app_private.kept force row level security;`;
const BAD = `
  insert into app_public.roles (key, name, position) values ('guest', 'Guest', 9);
  create table app_private.open (tenant_id uuid not null);`;

/** Runs migrations that follow the committed ones. */
async function deploy({ urls }: TestDatabase, bodies: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "rowhouse-migrations-"));
  try {
    await cp(`${MIGRATIONS}/committed`, `${folder}/committed`, { recursive: true });
    await symlink(`${ROOT}db`, `${folder}/fixtures`);
    await writeFile(`${folder}/current.sql`, "");
    let { number, hash: previous } = await withClient(urls.migrator, lastMigration);
    for (const sql of bodies) {
      number += 1;
      const body = `${sql.trim()}\n`;
      const hash = calculateHash(body, previous);
      await writeFile(
        `${folder}/committed/${String(number).padStart(6, "0")}.sql`,
        `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${body}`,
      );
      previous = hash;
    }
    const settings = await migrationSettings({ databaseUrl: urls.migrator }, () => {});
    await migrateAudited({ ...settings, migrationsFolder: folder });
  } finally {
    clearAllPools();
    await rm(folder, { recursive: true });
  }
}

async function lastMigration(client: pg.Client): Promise<{ number: number; hash: string }> {
  const [last] = await rowsOf<{ filename: string; hash: string }>(
    client,
    "select filename, hash from graphile_migrate.migrations order by filename desc limit 1",
  );
  return { number: Number.parseInt(last?.filename ?? "0", 10), hash: last?.hash ?? "-" };
}

/** What there is of those migrations. */
async function traces({ urls }: TestDatabase): Promise<unknown> {
  return withClient(urls.superuser, (client) =>
    rowsOf(
      client,
      `select
        to_regclass('app_private.kept') is not null as kept,
        to_regclass('app_private.open') is not null as open,
        exists (select from app_public.roles where key = 'guest') as guest,
        (select count(*)::int from graphile_migrate.migrations) as migrations`,
    ),
  );
}

test("a migration that the audit refuses is rolled back whole, with those it came with", async () => {
  await withDatabase("migrated", async (database) => {
    await expect(deploy(database, [GOOD, BAD])).rejects.toThrow(
      /refuses the migration, which was rolled back:\n {2}rls_forced {2}app_private\.open: .*\n {4}alter table app_private\.open enable row level security/,
    );
    expect(await traces(database)).toEqual([
      { kept: false, open: false, guest: false, migrations: 1 },
    ]);

    await deploy(database, [GOOD]);
    expect(await traces(database)).toEqual([
      { kept: true, open: false, guest: false, migrations: 2 },
    ]);
    // What .gmrc does after migrations was done in the same transaction.
    const owner = await withClient(database.urls.superuser, (client) =>
      rowsOf(client, "select relowner::regrole::text from pg_class where relname = 'kept'"),
    );
    expect(owner).toEqual([{ relowner: "rowhouse_owner" }]);
  });
});

test("a migration that can't run in a transaction still runs", async () => {
  await withDatabase("migrated", async (database) => {
    await deploy(database, [
      "--! no-transaction\ncreate index concurrently on app_public.projects (tenant_id, status)",
    ]);
    expect(await traces(database)).toMatchObject([{ migrations: 2 }]);
  });
});

test("a migration that fails leaves nothing, and says where", async () => {
  await withDatabase("migrated", async (database) => {
    await expect(deploy(database, [GOOD, "select nothing_of_that_name"])).rejects.toThrow(
      /nothing_of_that_name/,
    );
    expect(await traces(database)).toMatchObject([{ kept: false, migrations: 1 }]);
  });
});
