import type pg from "pg";

import { plant } from "../../attack/fixture/plant.ts";
import { readTables } from "../../attack/fixture/tables.ts";
import { uproot } from "../../attack/fixture/uproot.ts";
import { expect, test, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";

/** Every row of every table of ours, as text. */
async function everything(db: pg.Client): Promise<Record<string, unknown>> {
  const contents: Record<string, unknown> = {};
  for (const { name } of await readTables(db)) {
    contents[name] = await rowsOf(db, `select to_jsonb(t)::text from ${name} as t order by 1`);
  }
  return contents;
}

test("every table of a tenant or a person gets a row of A and one of B", async ({ db }) => {
  const { a, b, tables, vacuous } = await plant(db);
  expect(vacuous).toEqual([]);
  const withTenant = await rowsOf<{ name: string }>(
    db,
    `select attrelid::regclass::text as name from pg_attribute
    join pg_class on pg_class.oid = attrelid
    where attname = 'tenant_id' and relkind in ('r', 'p')`,
  );
  const planted = tables.map(({ name }) => name);
  expect(planted).toEqual(expect.arrayContaining(withTenant.map(({ name }) => name)));
  expect(planted).toEqual(expect.arrayContaining(["app_public.tenants", "auth.sessions"]));
  for (const name of planted) {
    expect(a.rows.get(name)?.length, name).toBeGreaterThan(0);
    expect(b.rows.get(name)?.length, name).toBeGreaterThan(0);
  }
});

test("each row carries its own tenant's canary or id, and nothing of the other's", async ({
  db,
}) => {
  const { a, b } = await plant(db);
  for (const [own, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const [table, rows] of own.rows) {
      const text = JSON.stringify(rows);
      expect(text.includes(own.canary) || text.includes(own.tenantId), table).toBe(true);
      expect(text.includes(other.canary) || text.includes(other.tenantId), table).toBe(false);
    }
  }
});

test("a new table is planted the day it is added, whatever its checks ask for", async ({ db }) => {
  await db.query(`
    create type app_private.mood as enum ('glad', 'sad');
    create table app_private.odd (
      tenant_id uuid not null references app_public.tenants,
      project_id uuid not null,
      mood app_private.mood not null default 'glad',
      state text not null default 'idle',
      email text not null check (email ~ '^[^@]+@[^@]+$'),
      currency text not null check (currency ~ '^[a-z]{3}$'),
      hash bytea not null check (octet_length(hash) = 32),
      words text[] not null check (words <@ '{read,write}' and cardinality(words) > 0),
      kind text not null check (kind in ('fixed', 'free')),
      amount integer check (amount between 0 and 9),
      note jsonb not null,
      twice text generated always as (state || state) stored,
      constraint odd_pkey primary key (tenant_id, email),
      constraint odd_project_fkey foreign key (tenant_id, project_id) references app_public.projects,
      constraint odd_state check (state in ('idle', 'busy')),
      constraint odd_pair check ((kind = 'free') = (amount is null) and kind <> 'fixed')
    )`);
  const { b, vacuous } = await plant(db);
  expect(vacuous).toEqual([]);
  expect(b.rows.get("app_private.odd")).toEqual([
    expect.objectContaining({
      tenant_id: b.tenantId,
      project_id: b.rows.get("app_public.projects")?.[0]?.["id"],
      state: "idle",
      email: `${b.canary}-email@example.com`,
      kind: "free",
      amount: null,
      note: { canary: `${b.canary}-note` },
    }),
  ]);
});

test("a table whose row can't be made up is named, with the reason", async ({ db }) => {
  await db.query(
    `create table app_private.shut (tenant_id uuid, word text not null, check (word = 'a' || 'b' || random()))`,
  );
  const { vacuous } = await plant(db);
  expect([...new Set(vacuous.map(({ table }) => table))]).toEqual(["app_private.shut"]);
  expect(vacuous[0]?.reason).toMatch(/word of app_private.shut/);
});

test("the removed member belongs to nothing, and so does the stranger", async ({ db }) => {
  const { a, stranger } = await plant(db);
  const { members } = await rowOf<{ members: string[] }>(
    db,
    "select array_agg(user_id::text) as members from app_public.memberships where tenant_id = $1",
    [a.tenantId],
  );
  const { owner, admin, member } = a.people;
  expect(members.toSorted()).toEqual([owner.id, admin.id, member.id].toSorted());
  expect(members).not.toContain(stranger.id);
});

test("what was planted by the migrator can be uprooted by it, and nothing is left", async ({
  database,
}) => {
  await withClient(database.urls.migrator, async (client) => {
    const before = await everything(client);
    await client.query("begin");
    const planting = await plant(client);
    await client.query("commit");
    expect(await everything(client)).not.toEqual(before);
    await uproot(client, planting);
    expect(await everything(client)).toEqual(before);
  });
});
