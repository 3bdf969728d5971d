/**
 * The wall, for every table that has tenant_id and any right of app_user: driven from the catalog,
 * so that a table is covered on the day it is added. Rows are made up from the catalog too, with
 * foreign keys and checks out of force: what is tested is who reaches them.
 */
import type pg from "pg";

import { asApiKey, asUser, createCast, expect, test } from "../support/index.ts";
import { createApiKey } from "../support/api_keys.ts";
import { codeOf, rowOf, rowsOf, undone } from "../support/query.ts";

type Table = { name: string; columns: { name: string; type: string; required: boolean }[] };

const TABLES = `
  select pg_class.oid::regclass::text as name, json_agg(json_build_object(
    'name', quote_ident(attname), 'type', format_type(atttypid, null),
    'required', attnotnull
      and coalesce(pg_get_expr(adbin, adrelid) like 'app_private.%', true)
  )) as columns
  from pg_class
  join pg_attribute
    on attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''
  left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where relkind in ('r', 'p')
  and relnamespace::regnamespace::text in ('app_public', 'app_private')
  and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'tenant_id')
  and has_any_column_privilege('app_user', pg_class.oid, 'select, insert, update, references')
  group by pg_class.oid
  order by 1`;

const SAMPLES: Readonly<Record<string, string>> = {
  uuid: "gen_random_uuid()",
  text: "gen_random_uuid()::text",
  "text[]": "'{}'",
  "timestamp with time zone": "now()",
  date: "current_date",
  boolean: "false",
  json: "'{}'",
  jsonb: "'{}'",
};

/** A row of the table that belongs to the tenant. */
async function plant(db: pg.Client, { name, columns }: Table, tenantId: string): Promise<void> {
  const required = columns.filter((column) => column.required && column.name !== "tenant_id");
  const names = ["tenant_id", ...required.map((column) => column.name)];
  const values = ["$1", ...required.map(({ type }) => SAMPLES[type] ?? `0::${type}`)];
  await db.query(`insert into ${name} (${names.join(", ")}) values (${values.join(", ")})`, [
    tenantId,
  ]);
}

/** Takes constraints out of force for what follows in the transaction. */
async function relax(db: pg.Client, tables: readonly Table[]): Promise<void> {
  await db.query("set local session_replication_role = replica");
  const checks = await rowsOf<{ sql: string }>(
    db,
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as sql
    from pg_constraint where contype = 'c' and conrelid::regclass::text = any ($1)`,
    [tables.map(({ name }) => name)],
  );
  for (const { sql } of checks) await db.query(sql);
}

test("no row of another tenant can be seen or written, in any table", async ({ db }) => {
  const { alice, acme, globex } = await createCast(db);
  const tables = await rowsOf<Table>(db, TABLES);
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["app_public.projects", "app_public.tasks", "app_public.memberships"]),
  );
  await relax(db, tables);
  const who = { userId: alice, tenantId: acme };

  for (const table of tables) {
    await undone(db, async () => {
      const { name } = table;
      await db.query(`delete from ${name} where tenant_id = any ($1)`, [[acme, globex]]);
      // Whoever enters must still be a member of the tenant, so that row is put back.
      if (name === "app_public.memberships") {
        await db.query(
          "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'owner')",
          [acme, alice],
        );
      } else await plant(db, table, acme);
      await plant(db, table, globex);
      const theirs = () =>
        rowsOf(db, `select to_jsonb(t) as row from ${name} as t where tenant_id = $1`, [globex]);
      const before = await theirs();

      const seen = await asUser(db, who, () => rowsOf(db, `select tenant_id from ${name}`));
      expect(seen, `${name} shows`).toEqual([{ tenant_id: acme }]);

      for (const sql of await writes(db, table, globex)) {
        const outcome = await asUser(db, who, () => db.query(sql))
          .then(({ rowCount }) => rowCount)
          .catch((error: { code: string }) => error.code);
        expect(["42501", 0], `${sql} is ${outcome}`).toContain(outcome);
      }
      await asUser(db, who, () => db.query(`delete from ${name}`)).catch(() => undefined);
      expect(await theirs(), `${name} after everything`).toEqual(before);
    });
  }
});

test("nor can an API key of the tenant, whatever its scopes", async ({ db }) => {
  const { alice, acme, globex } = await createCast(db);
  const scopes = ["read", "write", "billing"];
  const { secret } = await createApiKey(db, { userId: alice, tenantId: acme }, { scopes });
  const tables = await rowsOf<Table>(db, TABLES);
  await relax(db, tables);
  for (const table of tables) {
    await undone(db, async () => {
      const { name } = table;
      await db.query(`delete from ${name} where tenant_id = $1`, [globex]);
      await plant(db, table, globex);
      const theirs = () =>
        rowsOf(db, `select to_jsonb(t) as row from ${name} as t where tenant_id = $1`, [globex]);
      const before = await theirs();

      const seen = await asApiKey(db, secret, () => rowsOf(db, `select tenant_id from ${name}`));
      expect(
        seen.filter((row) => row["tenant_id"] !== acme),
        `${name} shows`,
      ).toEqual([]);
      for (const sql of await writes(db, table, globex)) {
        const outcome = await asApiKey(db, secret, () => db.query(sql))
          .then(({ rowCount }) => rowCount)
          .catch((error: { code: string }) => error.code);
        expect(["42501", 0], `${sql} is ${outcome}`).toContain(outcome);
      }
      expect(await theirs(), `${name} after everything`).toEqual(before);
    });
  }
});

test("with no tenant entered, every such table refuses", async ({ db }) => {
  const { alice } = await createCast(db);
  for (const { name } of await rowsOf<Table>(db, TABLES)) {
    const read = asUser(db, { userId: alice }, () => rowOf(db, `select tenant_id from ${name}`));
    expect(await codeOf(read), name).toBe("TNREQ");
  }
});

/** What might reach a row of that tenant, by every right there could be. */
async function writes(db: pg.Client, table: Table, tenantId: string): Promise<string[]> {
  const { name, columns } = table;
  const literal = db.escapeLiteral(tenantId);
  return [
    ...columns.map(
      (column) => `update ${name} set ${column.name} = ${column.name} where tenant_id = ${literal}`,
    ),
    `update ${name} set tenant_id = ${literal}`,
    `delete from ${name} where tenant_id = ${literal}`,
    `insert into ${name} (tenant_id) values (${literal})`,
    `select from ${name} where tenant_id = ${literal} for update`,
    `truncate ${name}`,
  ];
}
