import type pg from "pg";

import { asAnonymous, asUser, asWorker, createCast, expect, test } from "./index.ts";

const SUPERUSER = { role: "none", is_superuser: "on", user_id: "", tenant_id: "", permissions: "" };

async function identity(client: pg.ClientBase) {
  const { rows } = await client.query(`
    select
      current_setting('role') as role, current_setting('is_superuser') as is_superuser,
      coalesce(current_setting('app.current_user_id', true), '') as user_id,
      coalesce(current_setting('app.current_tenant_id', true), '') as tenant_id,
      coalesce(current_setting('app.permissions', true), '') as permissions
  `);
  return rows[0];
}

test("acting is over when the work is done, and what it wrote stays", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  await asUser(db, { userId: alice, tenantId: acme }, async () => {
    expect(await identity(db)).toMatchObject({ role: "app_user", user_id: alice, tenant_id: acme });
    await db.query("update app_public.tenants set name = 'Renamed'");
  });
  expect(await identity(db)).toEqual(SUPERUSER);
  const { rows } = await db.query("select name from app_public.tenants where id = $1", [acme]);
  expect(rows).toEqual([{ name: "Renamed" }]);
});

test("acting is over when the work throws, and nothing it wrote stays", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  const broken = asUser(db, { userId: alice, tenantId: acme }, async () => {
    await db.query("update app_public.tenants set name = 'Renamed'");
    await db.query("select 1 / 0");
  });
  await expect(broken).rejects.toMatchObject({ code: "22012" });
  expect(await identity(db)).toEqual(SUPERUSER);
  const { rows } = await db.query("select name from app_public.tenants where id = $1", [acme]);
  expect(rows).toEqual([{ name: "Acme" }]);
});

test("a stranger does not get through the door", async ({ db }) => {
  const { mallory, acme } = await createCast(db);
  await expect(
    asUser(db, { userId: mallory, tenantId: acme }, async () => {}),
  ).rejects.toMatchObject({ code: "TNFND" });
  expect(await identity(db)).toEqual(SUPERUSER);
});

test("whoever acts can do no more than the real login", async ({ db }) => {
  const { alice } = await createCast(db);
  const asAlice = (sql: string) => asUser(db, { userId: alice }, () => db.query(sql));
  for (const sql of [
    "set local role rowhouse_owner",
    "set local role app_worker",
    "select set_config('app.current_tenant_id', gen_random_uuid()::text, true)",
    "select app_private.enter(gen_random_uuid(), null)",
    "select * from auth.users",
  ]) {
    await expect(asAlice(sql), sql).rejects.toMatchObject({ code: "42501" });
  }
  const asTask = asWorker(db, () => db.query("set local role app_user"));
  await expect(asTask).rejects.toMatchObject({ code: "42501" });
  const asVisitor = asAnonymous(db, () => db.query("select * from app_public.tenants"));
  await expect(asVisitor).rejects.toMatchObject({ code: "42501" });
});

test("two can't act at once on one connection", async ({ db }) => {
  const { alice } = await createCast(db);
  const nested = asUser(db, { userId: alice }, () => asWorker(db, async () => {}));
  await expect(nested).rejects.toThrow("Someone acts already");
});
