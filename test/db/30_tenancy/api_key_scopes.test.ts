import type pg from "pg";

import { asApiKey, asUser, createCast, expect, test } from "../../support/index.ts";
import { createApiKey } from "../../support/api_keys.ts";
import { codeOf, rowsOf } from "../../support/query.ts";

const READ = "select name from app_public.projects";
const WRITE = "insert into app_public.projects (name) values ('by machine')";
const PEOPLE = "select user_id from app_public.memberships";
const BILLING = "select client_secret from app_public.billing_accounts";
const TENANT = "select name from app_public.tenants";

type Outcome = { code?: unknown; scope?: string; rows?: number };

/** How many rows a machine sees or writes, or why it doesn't. */
async function attempt(db: pg.Client, secret: string, sql: string): Promise<Outcome> {
  try {
    const { rowCount } = await asApiKey(db, secret, () => db.query(sql));
    return { rows: rowCount ?? 0 };
  } catch (error) {
    const { code, detail } = error as { code: string; detail?: string };
    const details = JSON.parse(detail ?? "{}") as { scope?: string };
    return details.scope === undefined ? { code } : { code, scope: details.scope };
  }
}

async function furnish(db: pg.Client) {
  const { alice, acme } = await createCast(db);
  const owner = { userId: alice, tenantId: acme };
  await asUser(db, owner, () => db.query("insert into app_public.projects (name) values ('Wall')"));
  return owner;
}

const LACKS_READ = { code: "DNIED", scope: "read" };
const LACKS_WRITE = { code: "DNIED", scope: "write" };

test.for([
  { scopes: ["read"], read: { rows: 1 }, write: LACKS_WRITE, people: 2, billing: 0 },
  { scopes: ["write"], read: { rows: 1 }, write: { rows: 1 }, people: 2, billing: 0 },
  // An insert reads the tenant first, for the row's default: so read is what it lacks.
  { scopes: ["billing"], read: LACKS_READ, write: LACKS_READ, people: 0, billing: 1 },
  { scopes: ["read", "billing"], read: { rows: 1 }, write: LACKS_WRITE, people: 2, billing: 1 },
])("with $scopes alone", async ({ scopes, read, write, people, billing }, { db }) => {
  const owner = await furnish(db);
  const { secret } = await createApiKey(db, owner, { scopes });
  expect(await attempt(db, secret, READ)).toEqual(read);
  expect(await attempt(db, secret, WRITE)).toEqual(write);
  expect(await attempt(db, secret, PEOPLE)).toEqual({ rows: people });
  expect(await attempt(db, secret, BILLING)).toEqual({ rows: billing });
  expect(await attempt(db, secret, TENANT)).toEqual({ rows: 1 });
});

test("what lacks two scopes is told the one that holds the other", async ({ db }) => {
  const owner = await furnish(db);
  const { secret } = await createApiKey(db, owner, { scopes: ["billing"] });
  expect(
    await attempt(db, secret, "select app_public.consume_feature('apiCalls', 1, 'k')"),
  ).toEqual(LACKS_WRITE);
});

test.for([
  "select app_public.create_tenant('Mine')",
  "select app_public.leave_tenant()",
  "select app_public.accept_invitation('x')",
  "select app_public.decline_invitation('x')",
  "select app_public.current_membership()",
  "select app_public.my_tenants()",
  'select app_public."current_user"()',
  "select * from app_public.users",
])("a key is no person: %s", async (sql, { db }) => {
  const owner = await furnish(db);
  const { secret } = await createApiKey(db, owner, { scopes: ["read", "write", "billing"] });
  expect(await attempt(db, secret, sql)).toEqual({ code: "LOGIN" });
});

test("a key with every scope can't manage people, keys, the tenant, or read the log", async ({
  db,
}) => {
  const owner = await furnish(db);
  const { id, secret } = await createApiKey(db, owner, { scopes: ["read", "write", "billing"] });
  for (const sql of [
    `select app_public.remove_member('${owner.userId}')`,
    `select app_public.change_member_role('${owner.userId}', 'member')`,
    `select app_public.transfer_ownership('${owner.userId}')`,
    "select app_public.invite_member('x@example.com')",
    "select app_public.resend_invitation(gen_random_uuid())",
    "select app_public.revoke_invitation(gen_random_uuid())",
    "select app_public.create_api_key('Another', '{read}')",
    `select app_public.rotate_api_key('${id}')`,
    `select app_public.revoke_api_key('${id}')`,
  ]) {
    const { code } = await attempt(db, secret, sql);
    expect(["DNIED", "LOGIN"], sql).toContain(code);
  }
  expect(await attempt(db, secret, "update app_public.tenants set name = 'x'")).toEqual({
    rows: 0,
  });
  for (const table of ["audit_entries", "api_keys", "invitations"]) {
    expect(await attempt(db, secret, `select from app_public.${table}`), table).toEqual({
      rows: 0,
    });
  }
  expect(await rowsOf(db, "select from app_public.memberships")).toHaveLength(3);
});

test.for([
  { access: "read_only", read: { rows: 1 }, write: { code: "TNRDO" } },
  { access: "none", read: { code: "TNSUS" }, write: { code: "TNSUS" } },
])("in a tenant whose access is $access", async ({ access, read, write }, { db }) => {
  const owner = await furnish(db);
  const { secret } = await createApiKey(db, owner, { scopes: ["write"] });
  const { secret: billing } = await createApiKey(db, owner, { scopes: ["billing"] });
  await db.query("update app_public.tenants set access = $1, status = 'closed'", [access]);
  expect(await attempt(db, secret, READ)).toEqual(read);
  expect(await attempt(db, secret, WRITE)).toEqual(write);
  expect(await attempt(db, billing, BILLING)).toEqual({ rows: 1 });
  expect(await codeOf(createApiKey(db, owner))).toBe(access === "none" ? "TNSUS" : "TNRDO");
});
