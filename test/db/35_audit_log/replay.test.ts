import fc from "fast-check";
import type pg from "pg";

import { asApiKey, asUser, createCast, expect, test } from "../../support/index.ts";
import { createApiKey } from "../../support/api_keys.ts";
import { rowsOf, undone } from "../../support/query.ts";

type Entry = {
  action: "insert" | "update" | "delete";
  table_name: string;
  record_id: string;
  changes: Record<string, [unknown, unknown]>;
};
type Rows = Record<string, Record<string, unknown>>;

const TABLES = ["projects", "tasks"];

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
const pick = fc.nat(3);
/** One statement by one of three actors; which row is meant is counted among those there are. */
const change = fc.oneof(
  fc.record({ sql: fc.constant(INSERT("projects", "name")), values: fc.tuple(text) }),
  fc.record({
    sql: fc.constant(
      `insert into app_public.tasks (project_id, title, due_on)
      select id, $1, $2 from app_public.projects order by id offset $3 limit 1`,
    ),
    values: fc.tuple(text, fc.constantFrom(null, "2026-12-24", "infinity"), pick),
  }),
  fc.record({
    sql: fc.constantFrom(UPDATE("projects", "name"), UPDATE("tasks", "title")),
    values: fc.tuple(text, pick),
  }),
  fc.record({
    sql: fc.constant("update app_public.tasks set is_done = not is_done, due_on = null"),
    values: fc.constant([]),
  }),
  fc.record({
    sql: fc.constantFrom(DELETE("projects"), DELETE("tasks")),
    values: fc.tuple(pick),
  }),
);
const sequence = fc.array(fc.record({ actor: fc.nat(2), change }), { maxLength: 20 });

test("the log, replayed, gives exactly the rows there are", async ({ db }) => {
  const { alice, bob, acme } = await createCast(db);
  const { secret } = await createApiKey(db, { userId: alice, tenantId: acme });
  await fc.assert(
    fc.asyncProperty(sequence, (steps) =>
      undone(db, async () => {
        for (const {
          actor,
          change: { sql, values },
        } of steps) {
          const work = () => db.query(sql, [...values]);
          const acting = [
            () => asUser(db, { userId: alice, tenantId: acme }, work),
            () => asUser(db, { userId: bob, tenantId: acme }, work),
            () => asApiKey(db, secret, work),
          ][actor];
          // A name that is taken or unprintable is refused, and must leave no entry.
          await acting?.().catch((error: { code: string }) => {
            expect(["23505", "23514"]).toContain(error.code);
          });
        }
        expect(await replayed(db)).toEqual(await current(db));
      }),
    ),
    { numRuns: 40 },
  );
});

function INSERT(table: string, column: string): string {
  return `insert into app_public.${table} (${column}) values ($1)`;
}

function UPDATE(table: string, column: string): string {
  return `update app_public.${table} set ${column} = $1
    where id = (select id from app_public.${table} order by id offset $2 limit 1)`;
}

function DELETE(table: string): string {
  return `delete from app_public.${table}
    where id = (select id from app_public.${table} order by id offset $1 limit 1)`;
}

/** The tables as JSON, without nulls and without the tenant, which the log leaves out. */
async function current(db: pg.Client): Promise<Record<string, Rows>> {
  const tables: Record<string, Rows> = {};
  for (const table of TABLES) {
    const rows = await rowsOf<{ id: string; row: Record<string, unknown> }>(
      db,
      `select id, jsonb_strip_nulls(to_jsonb(t) - 'tenant_id') as row from app_public.${table} as t`,
    );
    tables[table] = Object.fromEntries(rows.map(({ id, row }) => [id, row]));
  }
  return tables;
}

/** What the entries make of nothing; throws when one does not fit what came before. */
async function replayed(db: pg.Client): Promise<Record<string, Rows>> {
  const entries = await rowsOf<Entry>(
    db,
    "select * from app_public.audit_entries where table_name = any ($1) order by id",
    [TABLES],
  );
  const tables: Record<string, Rows> = Object.fromEntries(TABLES.map((name) => [name, {}]));
  for (const { action, table_name, record_id, changes } of entries) {
    const rows = tables[table_name] ?? {};
    expect(record_id in rows).toBe(action !== "insert");
    const row = { ...rows[record_id] };
    for (const [column, [before, after]] of Object.entries(changes)) {
      expect(row[column] ?? null).toEqual(before);
      if (after === null) delete row[column];
      else row[column] = after;
    }
    if (action === "delete") {
      expect(row).toEqual({});
      delete rows[record_id];
    } else rows[record_id] = row;
  }
  return tables;
}
