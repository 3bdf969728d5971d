import type pg from "pg";

import { asAnonymous, asUser, createCast, expect, test, withClient } from "../../support/index.ts";
import { codeOf, rowOf, undone } from "../../support/query.ts";

const FUNCTIONS = {
  current_user_id: "app.current_user_id",
  member_tenant_id: "app.member_tenant_id",
  current_tenant_id: "app.current_tenant_id",
  writable_tenant_id: "app.writable_tenant_id",
} as const;

/** What each function hands out on this connection as it stands: an id, or the code it raises. */
async function handedOut(client: pg.Client): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const name of Object.keys(FUNCTIONS)) {
    const { id, code } = await undone(client, async () => {
      try {
        return { ...(await rowOf<{ id: string }>(client, `select app_private.${name}() as id`)) };
      } catch (error) {
        return { code: error instanceof Error ? Reflect.get(error, "code") : error };
      }
    }).then((answer) => ({ id: undefined, code: undefined, ...answer }));
    answers[name] = id ?? code;
  }
  return answers;
}

const NOTHING = {
  current_user_id: "LOGIN",
  member_tenant_id: "TNREQ",
  current_tenant_id: "TNREQ",
  writable_tenant_id: "TNREQ",
};

test("settings that were never made refuse, each with the code of what is missing", async ({
  database,
}) => {
  await withClient(database.urls.superuser, async (client) => {
    await client.query("begin; set local role app_user");
    expect(await handedOut(client)).toEqual(NOTHING);
  });
});

test("settings left empty by an earlier transaction refuse like those never made", async ({
  db,
}) => {
  for (const setting of Object.values(FUNCTIONS)) {
    await db.query("select set_config($1, '', true)", [setting]);
  }
  await db.query("set local role app_user");
  expect(await handedOut(db)).toEqual(NOTHING);
});

test("garbage in a setting fails, and shows nothing", async ({ db }) => {
  for (const setting of Object.values(FUNCTIONS)) {
    await db.query("select set_config($1, 'garbage', true)", [setting]);
  }
  await db.query("set local role app_user");
  expect(await handedOut(db)).toEqual({
    current_user_id: "22P02",
    member_tenant_id: "22P02",
    current_tenant_id: "22P02",
    writable_tenant_id: "22P02",
  });
  expect(await codeOf(db.query("select from app_public.projects"))).toBe("22P02");
});

test("a person between tenants has an id and no tenant", async ({ db }) => {
  const { alice } = await createCast(db);
  const answers = await asUser(db, { userId: alice }, () => handedOut(db));
  expect(answers).toEqual({ ...NOTHING, current_user_id: alice });
});

test("a visitor can't even ask", async ({ db }) => {
  const asked = asAnonymous(db, () => db.query("select app_private.current_tenant_id()"));
  expect(await codeOf(asked)).toBe("42501");
});

test.for([
  { access: "full", reads: true, writes: true, refusal: "" },
  { access: "read_only", reads: true, writes: false, refusal: "TNRDO" },
  { access: "none", reads: false, writes: false, refusal: "TNSUS" },
])("with access $access", async ({ access, reads, writes, refusal }, { db }) => {
  const { alice, acme } = await createCast(db);
  await db.query("update app_public.tenants set access = $1", [access]);
  const answers = await asUser(db, { userId: alice, tenantId: acme }, () => handedOut(db));
  expect(answers).toEqual({
    current_user_id: alice,
    member_tenant_id: acme,
    current_tenant_id: reads ? acme : refusal,
    writable_tenant_id: writes ? acme : refusal,
  });
});

test("a refusal says why, for a message, and how to go on", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  const refused = (access: string) =>
    asUser(db, { userId: alice, tenantId: acme }, () =>
      db.query("insert into app_public.projects (name) values ('A')"),
    ).catch((error: unknown) => ({ access, error }));
  for (const [access, code] of [
    ["read_only", "TNRDO"],
    ["none", "TNSUS"],
  ] as const) {
    await db.query(
      "update app_public.tenants set access = $1, access_reason = 'grace_ended' where id = $2",
      [access, acme],
    );
    expect(await refused(access)).toMatchObject({
      error: { code, detail: '{"reason" : "grace_ended"}', hint: expect.stringMatching(/billing/) },
    });
  }
});
