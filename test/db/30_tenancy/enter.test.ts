import { asUser, createCast, expect, test, withClient } from "../../support/index.ts";
import { test as committed } from "../../support/committed.ts";
import { codeOf, rowOf } from "../../support/query.ts";

const SETTINGS = `select
  current_setting('app.current_user_id', true) as current_user_id,
  current_setting('app.member_tenant_id', true) as member_tenant_id,
  current_setting('app.current_tenant_id', true) as current_tenant_id,
  current_setting('app.writable_tenant_id', true) as writable_tenant_id,
  current_setting('app.access', true) as access,
  current_setting('app.access_reason', true) as access_reason,
  current_setting('app.permissions', true) as permissions`;

const ADMIN =
  "api_keys.manage audit.read members.change_role members.invite members.read members.remove tenant.manage";
const OWNER = `api_keys.manage audit.read billing.manage ${ADMIN.slice(27)} tenant.transfer`;

test("an owner enters with everything their role allows", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  const settings = await asUser(db, { userId: alice, tenantId: acme }, () => rowOf(db, SETTINGS));
  expect(settings).toEqual({
    current_user_id: alice,
    member_tenant_id: acme,
    current_tenant_id: acme,
    writable_tenant_id: acme,
    access: "full",
    access_reason: "paid",
    permissions: OWNER,
  });
});

test("a member enters the same tenant with hardly a permission", async ({ db }) => {
  const { bob, acme } = await createCast(db);
  const settings = await asUser(db, { userId: bob, tenantId: acme }, () => rowOf(db, SETTINGS));
  expect(settings).toMatchObject({ current_tenant_id: acme, permissions: "members.read" });
});

test("a stranger, an unknown tenant and nobody are refused in the same words", async ({ db }) => {
  const { alice, mallory, acme } = await createCast(db);
  const refusals: unknown[] = [];
  for (const [userId, tenantId] of [
    [mallory, acme],
    [alice, "00000000-0000-7000-8000-000000000000"],
    [null, acme],
  ]) {
    await db.query("savepoint door");
    const entered = db.query("select app_private.enter($1, $2)", [userId, tenantId]);
    refusals.push(await entered.catch(({ code, message, detail }) => ({ code, message, detail })));
    await db.query("rollback to savepoint door");
  }
  const refusal = {
    code: "TNFND",
    message: "No such tenant, or you are not a member of it",
    detail: undefined,
  };
  expect(refusals).toEqual([refusal, refusal, refusal]);
});

test("whoever is removed is out at their next transaction, on the same connection", async ({
  db,
}) => {
  const { bob, acme } = await createCast(db);
  const enter = () => asUser(db, { userId: bob, tenantId: acme }, async () => {});
  expect(await codeOf(enter())).toBe("done");
  await db.query("delete from app_public.memberships where user_id = $1", [bob]);
  expect(await codeOf(enter())).toBe("TNFND");
});

test("a change of role or of access counts from the next transaction on", async ({ db }) => {
  const { bob, acme } = await createCast(db);
  const enter = () => asUser(db, { userId: bob, tenantId: acme }, () => rowOf(db, SETTINGS));
  await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [bob]);
  expect(await enter()).toMatchObject({ permissions: ADMIN, writable_tenant_id: acme });
  await db.query("update app_public.tenants set access = 'read_only'");
  expect(await enter()).toMatchObject({ current_tenant_id: acme, writable_tenant_id: "" });
  await db.query("update app_public.tenants set access = 'none'");
  expect(await enter()).toMatchObject({ current_tenant_id: "", member_tenant_id: acme });
});

committed(
  "what one transaction set is gone in the next on the same connection, however it ended",
  async ({ database, cast: { alice, acme } }) => {
    const empty = {
      current_user_id: "",
      member_tenant_id: "",
      current_tenant_id: "",
      writable_tenant_id: "",
      access: "",
      access_reason: "",
      permissions: "",
    };
    await withClient(database.urls.server, async (client) => {
      for (const end of ["commit", "rollback"]) {
        await client.query("begin");
        await client.query(
          "select app_private.enter($1, $2), set_config('role', 'app_user', true)",
          [alice, acme],
        );
        expect(await rowOf(client, SETTINGS)).toMatchObject({ current_tenant_id: acme });
        await client.query(end);
        expect(await rowOf(client, SETTINGS), end).toEqual(empty);
        expect(await rowOf(client, "select current_user::text as role"), end).toEqual({
          role: "rowhouse_server",
        });
      }
    });
  },
);

committed("entering twice leaves nothing of the first", async ({ database, cast }) => {
  await withClient(database.urls.server, async (client) => {
    await client.query("begin");
    await client.query("select app_private.enter($1, $2)", [cast.alice, cast.acme]);
    await client.query("select app_private.enter(null, null)");
    const settings = await rowOf(client, SETTINGS);
    expect(new Set(Object.values(settings))).toEqual(new Set([""]));
  });
});
