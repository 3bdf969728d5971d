import type pg from "pg";

import { catalogOf } from "../support/catalog.ts";
import { expect, test, withClient } from "../support/index.ts";
import { applySchema, withBootstrappedDatabase } from "../support/schema.ts";

test("running db/ a second time changes neither the schema nor a row", async () => {
  await withBootstrappedDatabase(async (database) => {
    await applySchema(database);
    const once = await withClient(database.urls.superuser, snapshot);
    await applySchema(database);
    const twice = await withClient(database.urls.superuser, snapshot);

    expect(once.rows.length).toBeGreaterThan(0);
    expect(twice).toEqual(once);
  });
});

async function snapshot(client: pg.Client): Promise<{ catalog: string[]; rows: string[] }> {
  return { catalog: await catalogOf(client), rows: await rowsOf(client) };
}

/** Every row there is: the seed data, for nothing else has been written. */
async function rowsOf(client: pg.Client): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(`
    select oid::regclass::text as name
    from pg_class
    where relnamespace in ('app_public'::regnamespace, 'app_private'::regnamespace, 'auth'::regnamespace)
    and relkind = 'r'
    order by name
  `);
  const lines: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(
      `select to_jsonb(t)::text as row from ${name} as t order by row`,
    );
    lines.push(...rows.map(({ row }) => `${name} ${row}`));
  }
  return lines;
}
