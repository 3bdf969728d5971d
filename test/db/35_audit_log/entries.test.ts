import type pg from "pg";

import {
  asApiKey,
  asUser,
  asWorker,
  createCast,
  describe,
  expect,
  test,
} from "../../support/index.ts";
import { createApiKey, revokeApiKey, rotateApiKey } from "../../support/api_keys.ts";
import { codeOf, rowOf, rowsOf, undone } from "../../support/query.ts";

const LOG = `select actor_kind, actor_id, action, table_name, record_id, changes
  from app_public.audit_entries`;

/** People, and a log that is still empty. */
async function house(db: pg.Client) {
  const cast = await createCast(db);
  await db.query("delete from app_public.audit_entries");
  return { ...cast, owner: { userId: cast.alice, tenantId: cast.acme } };
}

/** All that was written, oldest first. */
function log(db: pg.Client) {
  return rowsOf(db, `${LOG} order by id`);
}

function makeProject(db: pg.Client, who: { userId: string; tenantId: string }, name = "Wall") {
  return asUser(db, who, () =>
    rowOf<{ id: string }>(db, "insert into app_public.projects (name) values ($1) returning id", [
      name,
    ]),
  );
}

describe("an entry", () => {
  test("says what a row was and what it became", async ({ db }) => {
    const { owner, alice, acme } = await house(db);
    const { id } = await makeProject(db, owner);
    await asUser(db, owner, () => db.query("update app_public.projects set status = 'closed'"));
    await asUser(db, owner, () => db.query("delete from app_public.projects"));
    const row = { actor_kind: "user", actor_id: alice, table_name: "projects", record_id: id };
    const born = { id: [null, id], name: [null, "Wall"], created_at: [null, expect.any(String)] };
    expect(await log(db)).toEqual([
      { ...row, action: "insert", changes: { ...born, status: [null, "open"] } },
      { ...row, action: "update", changes: { status: ["open", "closed"] } },
      {
        ...row,
        action: "delete",
        changes: {
          id: [id, null],
          name: ["Wall", null],
          status: ["closed", null],
          created_at: [expect.any(String), null],
        },
      },
    ]);
    expect(await rowsOf(db, "select distinct tenant_id from app_public.audit_entries")).toEqual([
      { tenant_id: acme },
    ]);
  });

  test("is not written for an update that changes nothing", async ({ db }) => {
    const { owner } = await house(db);
    await makeProject(db, owner);
    await asUser(db, owner, () => db.query("update app_public.projects set name = name"));
    expect(await log(db)).toHaveLength(1);
  });

  test("goes with the change that it tells of", async ({ db }) => {
    const { owner } = await house(db);
    await undone(db, () => makeProject(db, owner));
    const failed = asUser(db, owner, async () => {
      await db.query("insert into app_public.projects (name) values ('one'), ('two')");
      await db.query("insert into app_public.projects (name) values ('one')");
    });
    expect(await codeOf(failed)).toBe("23505");
    expect(await log(db)).toEqual([]);
  });

  test("names the person, the API key or the system", async ({ db }) => {
    const { owner, acme } = await house(db);
    const { id, secret } = await createApiKey(db, owner);
    await db.query("delete from app_public.audit_entries");
    await asApiKey(db, secret, () =>
      db.query("insert into app_public.projects (name) values ('Wall')"),
    );
    await asWorker(db, () =>
      db.query("update app_public.tenants set access = 'none' where id = $1", [acme]),
    );
    expect(await log(db)).toMatchObject([
      { actor_kind: "api_key", actor_id: id, action: "insert", table_name: "projects" },
      {
        actor_kind: "system",
        actor_id: null,
        action: "update",
        table_name: "tenants",
        record_id: acme,
        changes: { access: ["full", "none"] },
      },
    ]);
  });

  test("is there for what a cascade takes along, under who began it", async ({ db }) => {
    const { owner, alice } = await house(db);
    const { id } = await makeProject(db, owner);
    await asUser(db, owner, () =>
      db.query("insert into app_public.tasks (project_id, title) values ($1, 'Brick')", [id]),
    );
    await asUser(db, owner, () => db.query("delete from app_public.projects"));
    const deleted = await rowsOf(db, `${LOG} where action = 'delete'`);
    expect(
      deleted.map(({ table_name, actor_id }) => `${String(table_name)} ${String(actor_id)}`),
    ).toEqual(expect.arrayContaining([`tasks ${alice}`, `projects ${alice}`]));
  });

  test("does not hold up the end of its tenant, and ends with it", async ({ db }) => {
    const { owner, acme, globex } = await house(db);
    await makeProject(db, owner);
    await db.query(`create table app_public.notes (
      tenant_id uuid not null references app_public.tenants on delete cascade,
      project_id uuid, id uuid default gen_random_uuid(),
      foreign key (tenant_id, project_id) references app_public.projects (tenant_id, id)
        on delete set null (project_id)
    )`);
    await audit(db, "notes");
    await db.query(
      "insert into app_public.notes (tenant_id, project_id) select tenant_id, id from app_public.projects",
    );
    expect((await log(db)).length).toBeGreaterThan(1);
    await db.query("delete from app_public.tenants where id = $1", [acme]);
    expect(await rowsOf(db, "select distinct tenant_id from app_public.audit_entries")).toEqual([]);
    await db.query("delete from app_public.tenants where id = $1", [globex]);
  });

  test("tells of a key's whole life without a secret of it", async ({ db }) => {
    const { owner } = await house(db);
    const { id, secret } = await createApiKey(db, owner);
    const second = await rotateApiKey(db, owner, { id });
    await asApiKey(db, second, async () => {});
    await revokeApiKey(db, owner, id);
    const entries = await log(db);
    expect(entries).toMatchObject([
      { action: "insert", changes: { name: [null, "CI"], scopes: [null, ["read", "write"]] } },
      { action: "update", changes: { hint: [hintOf(secret), hintOf(second)] } },
      { action: "update", changes: { revoked_at: [null, expect.any(String)] } },
    ]);
    for (const each of [secret, second]) {
      expect(JSON.stringify(entries)).not.toContain(each.slice(8, -4));
    }
  });
});

describe("the trigger takes any table", () => {
  test.for([
    ["a number for an id", "id bigint", "7", "7"],
    ["a text for an id", "id text", "repeat('x', 5000)", "x".repeat(200)],
    ["no id", '"Key" text, name text, primary key (tenant_id, "Key")', "'k'", "k"],
    [
      "two more columns in its key",
      "a int, b text, primary key (a, tenant_id, b)",
      "1, 'z'",
      "1,z",
    ],
    ["nothing but its tenant", "note text", "'x'", null],
    ["odd columns", 'id int, "SELECT 1; --" text, "a ""b"" ö" text', "1, 'x', 'y'", "1"],
    ["values that JSON lacks", "id int, n numeric, t timestamptz", "1, 'NaN', 'infinity'", "1"],
    ["a column of JSON", "id int, j json", `1, '{"a": [1, null]}'`, "1"],
  ])("with %s", async ([, columns, values, recordId], { db }) => {
    const { acme } = await house(db);
    await db.query(`create table app_public."Odd ""Table" (tenant_id uuid not null, ${columns})`);
    await audit(db, '"Odd ""Table"');
    await db.query(`insert into app_public."Odd ""Table" values ('${acme}', ${values})`);
    await db.query(`update app_public."Odd ""Table" set tenant_id = tenant_id`);
    await db.query(`delete from app_public."Odd ""Table"`);
    const entry = { actor_kind: "system", table_name: 'Odd "Table', record_id: recordId };
    expect(await log(db)).toMatchObject([
      { ...entry, action: "insert" },
      { ...entry, action: "delete" },
    ]);
  });

  test("and leaves out the columns that it is told to", async ({ db }) => {
    const { acme } = await house(db);
    await db.query("create table app_public.vault (tenant_id uuid, id int, pin text, note text)");
    await audit(db, "vault", "'pin', 'note', 'id'");
    await db.query("insert into app_public.vault values ($1, 1, '1234', 'x')", [acme]);
    await db.query("update app_public.vault set pin = '5678'");
    await db.query("delete from app_public.vault");
    // That a row came and went is told even when nothing of it may be.
    expect(await log(db)).toMatchObject([
      { action: "insert", record_id: "1", changes: {} },
      { action: "delete", record_id: "1", changes: {} },
    ]);
  });

  test.for(["{", '{"ip": "\\u0000"}', JSON.stringify({ ip: "x".repeat(101) })])(
    "and writes nothing at all when the request is forged: %s",
    async (request, { db }) => {
      const { owner } = await house(db);
      await db.query("select set_config('app.request', $1, true)", [request]);
      const write = undone(db, () =>
        db.query("insert into app_public.projects (tenant_id, name) values ($1, 'x')", [
          owner.tenantId,
        ]),
      );
      expect(await codeOf(write)).toMatch(/^2/);
      expect(await log(db)).toEqual([]);
    },
  );
});

function hintOf(secret: string): string {
  return `rh_test_…${secret.slice(-4)}`;
}

async function audit(db: pg.Client, table: string, leftOut = ""): Promise<void> {
  await db.query(`create trigger _900_audit after insert or update or delete
    on app_public.${table} for each row execute function app_private.tg__audit(${leftOut})`);
}
