import type pg from "pg";

import {
  asAnonymous,
  asApiKey,
  asIdentity,
  asUser,
  asWorker,
  createCast,
  expect,
  test,
} from "../../support/index.ts";
import { createApiKey, revokeApiKey } from "../../support/api_keys.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const COUNT = "select count(*)::integer as entries from app_public.audit_entries";

test("what has the trigger has a tenant, and tells no secret", async ({ db }) => {
  const columns = await rowsOf<{ table: string; column: string; told: boolean }>(
    db,
    `select relname as table, attname as column,
      not attname = any (string_to_array(encode(tgargs, 'escape'), '\\000')) as told
    from pg_trigger
    join pg_class on pg_class.oid = tgrelid
    join pg_attribute on attrelid = tgrelid and attnum > 0 and not attisdropped
    where tgfoid = 'app_private.tg__audit()'::regprocedure`,
  );
  const tables = new Set(columns.map(({ table }) => table));
  expect(tables.size).toBeGreaterThan(5);
  for (const table of tables) {
    const tenant = table === "tenants" ? "id" : "tenant_id";
    expect(columns).toContainEqual({ table, column: tenant, told: true });
  }
  const secrets = columns.filter(
    ({ column, told }) => told && /secret|token|hash|password|private/.test(column),
  );
  expect(secrets).toEqual([]);
});

test("owners and admins read their own tenant's log; nobody else reads any", async ({ db }) => {
  const { alice, bob, mallory, acme, globex } = await createCast(db);
  const { secret } = await createApiKey(
    db,
    { userId: alice, tenantId: acme },
    { scopes: ["read", "write", "billing"] },
  );
  const all = await rowsOf<{ tenant_id: string; entries: number }>(
    db,
    "select tenant_id, count(*)::integer as entries from app_public.audit_entries group by 1",
  );
  const entriesOf = (tenantId: string) =>
    all.find(({ tenant_id }) => tenant_id === tenantId)?.entries;
  const seenBy = async (userId: string, tenantId: string) =>
    (await asUser(db, { userId, tenantId }, () => rowOf(db, COUNT)))["entries"];

  expect(await seenBy(alice, acme)).toBe(entriesOf(acme));
  expect(await seenBy(mallory, globex)).toBe(entriesOf(globex));
  expect(await seenBy(bob, acme)).toBe(0);
  await asApiKey(db, secret, async () => expect(await rowOf(db, COUNT)).toEqual({ entries: 0 }));
  await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [bob]);
  // The promotion is an entry itself.
  expect(await seenBy(bob, acme)).toBe((entriesOf(acme) ?? 0) + 1);
  await db.query("update app_public.tenants set access = 'none'");
  expect(await seenBy(alice, acme)).toBeGreaterThan(0);
  expect(await codeOf(asUser(db, { userId: mallory }, () => db.query(COUNT)))).toBe("TNREQ");
  for (const act of [asWorker, asIdentity, asAnonymous]) {
    expect(await codeOf(act(db, () => db.query(COUNT)))).toBe("42501");
  }
});

const WRITES = [
  `insert into app_public.audit_entries (tenant_id, actor_kind, action, table_name, changes)
  select id, 'system', 'insert', 'projects', '{}' from app_public.tenants`,
  "update app_public.audit_entries set actor_id = null",
  "update app_public.audit_entries set tenant_id = tenant_id",
  "delete from app_public.audit_entries",
  "truncate app_public.audit_entries",
  "merge into app_public.audit_entries using (values (1)) as v on true when matched then delete",
  "select from app_public.audit_entries for update",
  "alter table app_public.projects disable trigger _900_audit",
  "drop trigger _900_audit on app_public.projects",
  "set local session_replication_role = replica",
  `create temp table forged (tenant_id uuid, id uuid);
  create trigger forged after insert on forged
    for each row execute function app_private.tg__audit()`,
];

test.for(WRITES)("nobody at run time may: %s", async (sql, { db }) => {
  const { alice, acme } = await createCast(db);
  const who = { userId: alice, tenantId: acme };
  const { secret } = await createApiKey(db, who);
  const before = await rowOf(db, COUNT);
  const attempts: [string, () => Promise<unknown>][] = [
    ["owner", () => asUser(db, who, () => db.query(sql))],
    ["machine", () => asApiKey(db, secret, () => db.query(sql))],
    ["visitor", () => asAnonymous(db, () => db.query(sql))],
    ["identity provider", () => asIdentity(db, () => db.query(sql))],
    ["task", () => asWorker(db, () => db.query(sql))],
  ];
  for (const [name, attempt] of attempts) {
    expect(await codeOf(attempt()), name).toBe("42501");
  }
  expect(await rowOf(db, COUNT)).toEqual(before);
});

test("the definer functions' owner may add entries, as the trigger must, and nothing more", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await db.query("select set_config('app.member_tenant_id', $1, true)", [acme]);
  const [insert, ...others] = WRITES;
  const attempt = async (sql = "") => {
    await db.query("savepoint definer");
    await db.query("set local role app_definer");
    const code = await codeOf(db.query(sql));
    await db.query("rollback to savepoint definer");
    return code;
  };
  expect(await attempt(insert)).toBe("done");
  // As a superuser's session it could set this one; the run-time logins, above, can't.
  // The trigger's own function is its to attach, in tables that it may create: it has no login.
  const itsOwn = /session_replication_role|create temp table/;
  for (const sql of others.filter((one) => !itsOwn.test(one))) {
    expect(await attempt(sql), sql).toBe("42501");
  }
});

const NAMES = `select actor_kind, app_public.audit_entries_actor_name(audit_entries) as name
  from app_public.audit_entries where table_name = 'projects' order by id`;

test("names are told of people who left and of keys that ended, and to nobody else", async ({
  db,
}) => {
  const { alice, bob, mallory, acme, globex } = await createCast(db);
  const owner = { userId: alice, tenantId: acme };
  const { id, secret } = await createApiKey(db, owner, { name: "Robot" });
  const insert = (name: string) =>
    db.query("insert into app_public.projects (name) values ($1)", [name]);
  await asUser(db, { userId: bob, tenantId: acme }, () => insert("by bob"));
  await asApiKey(db, secret, () => insert("by key"));
  await db.query("insert into app_public.projects (tenant_id, name) values ($1, 'by us')", [acme]);
  await db.query("delete from app_public.memberships where user_id = $1", [bob]);
  await revokeApiKey(db, owner, id);
  const told = [
    { actor_kind: "user", name: "bob" },
    { actor_kind: "api_key", name: "Robot" },
    { actor_kind: "system", name: null },
  ];
  expect(await asUser(db, owner, () => rowsOf(db, NAMES))).toEqual(told);

  // A row made up to name somebody names nobody.
  const made = `select app_public.audit_entries_actor_name(row(
    $1::uuid, gen_random_uuid(), now(), 'user', $2::uuid, 'insert', 'x', null, '{}', null, null
  )::app_public.audit_entries) as name`;
  for (const [tenantId, actor] of [
    [globex, mallory],
    [acme, mallory],
  ]) {
    expect(await asUser(db, owner, () => rowOf(db, made, [tenantId, actor]))).toEqual({
      name: null,
    });
  }
  await stealNames(db, { userId: mallory, tenantId: globex });
});

/** Hands in the neighbours' real entries, which mallory can't read, by what she may know of them. */
async function stealNames(db: pg.Client, who: { userId: string; tenantId: string }): Promise<void> {
  const [entry] = await rowsOf<{ entry: string }>(
    db,
    "select audit_entries::text as entry from app_public.audit_entries where table_name = 'projects'",
  );
  const name = await asUser(db, who, () =>
    rowOf(db, "select app_public.audit_entries_actor_name($1::app_public.audit_entries) as name", [
      entry?.entry,
    ]),
  );
  expect(name).toEqual({ name: null });
}
