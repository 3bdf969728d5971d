import type pg from "pg";

import {
  asAnonymous,
  asUser,
  asWorker,
  createCast,
  expect,
  test as base,
  waitUntil,
  withClient,
  type Cast,
} from "../../support/index.ts";

/** A committed cast, and what the server's login hears of it. */
const test = base.extend<{
  $file: { admin: pg.Client; cast: Cast };
  $test: { told: unknown[] };
}>({
  admin: [({ database }, use) => withClient(database.urls.superuser, use), { scope: "file" }],
  cast: [
    async ({ admin }, use) => {
      await admin.query("begin");
      const cast = await createCast(admin);
      await admin.query("commit");
      await use(cast);
    },
    { scope: "file" },
  ],
  told: async ({ database, cast }, use) => {
    expect(cast).toBeDefined();
    await withClient(database.urls.server, async (listener) => {
      const told: unknown[] = [];
      listener.on("notification", ({ payload = "" }) => told.push(JSON.parse(payload)));
      await listener.query("listen rowhouse_tenants");
      await use(told);
    });
  },
});

test("whoever listens is told the ids of what changed, when it is committed, and nothing else", async ({
  admin,
  cast: { acme, globex },
  told,
}) => {
  const rename = (id: string, name: string) =>
    admin.query("update app_public.tenants set name = $2 where id = $1", [id, name]);
  await rename(acme, "Acme Ltd");
  await rename(acme, "Acme Ltd");
  await admin.query("begin");
  await rename(acme, "Nobody hears of this");
  await admin.query("rollback");
  await rename(globex, "Globex Ltd");
  await waitUntil(() => told.length === 2);
  expect(told).toEqual([
    { tenant_id: acme, topic: "tenant", row_id: acme },
    { tenant_id: globex, topic: "tenant", row_id: globex },
  ]);
});

test("a person who renames, the worker who suspends and an owner who removes are heard of", async ({
  admin,
  cast: { alice, bob, acme },
  told,
}) => {
  const owner = { userId: alice, tenantId: acme };
  await admin.query("begin");
  await asUser(admin, owner, () => admin.query("update app_public.tenants set name = 'A'"));
  await asUser(admin, owner, () => admin.query("select app_public.remove_member($1)", [bob]));
  await asWorker(admin, () =>
    admin.query("update app_public.tenants set access = 'none' where id = $1", [acme]),
  );
  await admin.query("commit");
  await waitUntil(() => told.length === 2);
  // What is said twice in a transaction is told once.
  expect(told).toEqual([
    { tenant_id: acme, topic: "tenant", row_id: acme },
    { tenant_id: acme, topic: "membership", row_id: bob },
  ]);
});

test("a revoked API key is heard of", async ({ admin, cast: { mallory, globex }, told }) => {
  const owner = { userId: mallory, tenantId: globex };
  await admin.query("begin");
  const { rows } = await asUser(admin, owner, () =>
    admin.query<{ id: string }>(
      "select (api_key).id from app_public.create_api_key('CI', '{read}', null)",
    ),
  );
  const id = rows[0]?.id;
  await asUser(admin, owner, () => admin.query("select app_public.revoke_api_key($1)", [id]));
  await admin.query("commit");
  await waitUntil(() => told.length === 1);
  expect(told).toEqual([{ tenant_id: globex, topic: "api_key", row_id: id }]);
});

test("definers and the worker may notify; people, visitors and the login may not", async ({
  db,
  cast: { alice, acme },
}) => {
  const notify = () =>
    db.query("select app_private.notify_tenant($1, 'billing_request', $1)", [acme]);
  await asWorker(db, notify);
  await expect(asUser(db, { userId: alice, tenantId: acme }, notify)).rejects.toMatchObject({
    code: "42501",
  });
  await expect(asAnonymous(db, notify)).rejects.toMatchObject({ code: "42501" });
  const { rows } = await db.query<{ grantee: string }>(
    `select grantee::regrole::text as grantee
    from pg_proc, aclexplode(proacl)
    where oid = 'app_private.notify_tenant(uuid, text, uuid)'::regprocedure
    order by 1`,
  );
  expect(rows.map(({ grantee }) => grantee)).toEqual([
    "app_definer",
    "app_worker",
    "rowhouse_owner",
  ]);
});
