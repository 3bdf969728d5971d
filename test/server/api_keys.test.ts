import { makeApiKey } from "../support/api_key_client.ts";
import { graphql, post } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { addMember, test } from "../support/quiet_system.ts";
import { codesOf, textAt } from "../support/tenant_life.ts";

const PROJECTS = "query { projects { nodes { name } } }";
const CREATE =
  'mutation { createProject(input: { project: { name: "By machine" } }) { project { name } } }';
const BILLING = "query { currentTenant { name billing { stripeCustomerId } } }";
const ROTATE = `mutation ($id: UUID!, $overlap: Int) {
  rotateApiKey(input: { apiKeyId: $id, overlapSeconds: $overlap }) {
    result { secret apiKey { rowId hint } }
  }
}`;
const REVOKE = `mutation ($id: UUID!) {
  revokeApiKey(input: { apiKeyId: $id }) { apiKey { rowId revokedAt } }
}`;

test("a key is shown once, used, seen to be used, rotated and revoked", async ({
  system: { url },
  alice,
}) => {
  const { apiKey, secret } = await makeApiKey(alice, ["read", "write"]);
  expect(apiKey).toEqual({
    rowId: expect.any(String),
    name: expect.stringMatching(/^CI /),
    scopes: ["read", "write"],
    hint: `rh_test_…${secret.slice(-4)}`,
  });
  expect(secret).toMatch(/^rh_test_[0-9a-f]{48}$/);

  expect((await graphql(url, secret, CREATE)).data).toEqual({
    createProject: { project: { name: "By machine" } },
  });
  const list = await alice.ask(
    "query { apiKeys { nodes { rowId hint lastUsedAt revokedAt expiresAt createdBy } } }",
  );
  expect(list.data).toEqual({
    apiKeys: {
      nodes: [
        {
          rowId: apiKey.rowId,
          hint: apiKey.hint,
          lastUsedAt: expect.stringMatching(/^20/),
          revokedAt: null,
          expiresAt: null,
          createdBy: alice.person.id,
        },
      ],
    },
  });

  const rotated = await alice.ask(ROTATE, { id: apiKey.rowId, overlap: 60 });
  const second = textAt(rotated.data, "rotateApiKey", "result", "secret");
  expect(textAt(rotated.data, "rotateApiKey", "result", "apiKey", "hint")).toBe(
    `rh_test_…${second.slice(-4)}`,
  );
  for (const each of [secret, second]) {
    expect(codesOf(await graphql(url, each, PROJECTS))).toEqual([]);
  }
  const revoked = await alice.ask(REVOKE, { id: apiKey.rowId });
  expect(revoked.data).toEqual({
    revokeApiKey: { apiKey: { rowId: apiKey.rowId, revokedAt: expect.any(String) } },
  });
  for (const each of [secret, second]) {
    expect(await graphql(url, each, PROJECTS)).toMatchObject({
      status: 200,
      data: { projects: null },
      errors: [{ extensions: { code: "UNAUTHENTICATED" } }],
    });
  }
});

describe("a scope that is missing is FORBIDDEN, and named", () => {
  test.for([
    [["read"], CREATE, "write"],
    [["billing"], PROJECTS, "read"],
    [["billing"], CREATE, "read"],
  ] as const)("%s: %s", async ([scopes, query, scope], { system: { url }, alice }) => {
    const { secret } = await makeApiKey(alice, scopes);
    expect((await graphql(url, secret, query)).errors).toEqual([
      expect.objectContaining({
        extensions: { code: "FORBIDDEN", details: { scope }, hint: expect.any(String) },
      }),
    ]);
  });

  test("billing opens the tenant's billing and nothing else does", async ({
    system: { url },
    alice,
  }) => {
    for (const scopes of [["read", "write"], ["billing"]]) {
      const { secret } = await makeApiKey(alice, scopes);
      expect(await graphql(url, secret, BILLING)).toMatchObject({
        errors: [],
        data: {
          currentTenant: {
            name: "Acme",
            billing: scopes.includes("billing") ? { stripeCustomerId: null } : null,
          },
        },
      });
    }
  });
});

describe("a key is no person", () => {
  test.for([
    "query { currentUser { rowId } }",
    "query { tenants { nodes { rowId } } }",
    "query { currentMembership { role } }",
    'mutation { createTenant(input: { name: "Mine" }) { tenant { rowId } } }',
    "mutation { leaveTenant(input: {}) { clientMutationId } }",
  ])("%s is UNAUTHENTICATED", async (query, { system: { url }, alice }) => {
    const { secret } = await makeApiKey(alice, ["read", "write", "billing"]);
    expect(codesOf(await graphql(url, secret, query))).toEqual(["UNAUTHENTICATED"]);
  });

  test.for(["/auth/token", "/api/auth/sign-out", "/api/auth/get-session"])(
    "%s refuses it, and looks it up nowhere",
    async (path, { system: { url }, alice }) => {
      const { secret } = await makeApiKey(alice, ["read"]);
      const answer = await post(`${url}${path}`, {}, { authorization: `Bearer ${secret}` });
      expect(answer).toMatchObject({
        status: 401,
        body: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
      });
    },
  );
});

describe("no key opens anything when it is", () => {
  const HEX = "0123456789abcdef".repeat(3);

  test.for([
    ["unknown", `rh_test_${HEX}`, 200],
    ["of another mode", `rh_live_${HEX}`, 200],
    ["too short", `rh_test_${HEX.slice(1)}`, 401],
    ["too long", `rh_test_${HEX}0`, 401],
    ["in capitals", `rh_test_${HEX.toUpperCase()}`, 401],
    ["of a mode that is none", `rh_prod_${HEX}`, 401],
    ["nothing but a beginning", "rh_", 401],
  ] as const)("%s", async ([, key, status], { system: { url } }) => {
    const answer = await post(
      `${url}/graphql`,
      { query: PROJECTS },
      { authorization: `Bearer ${key}` },
    );
    expect(answer).toMatchObject({
      status,
      body: {
        errors: [
          {
            message: "The API key is not valid, or no longer",
            extensions: { code: "UNAUTHENTICATED" },
          },
        ],
      },
    });
  });

  test("expired", async ({ system: { url }, alice, admin }) => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const { apiKey, secret } = await makeApiKey(alice, ["read"], soon);
    expect(codesOf(await graphql(url, secret, PROJECTS))).toEqual([]);
    await admin.query("update app_public.api_keys set expires_at = now() where id = $1", [
      apiKey.rowId,
    ]);
    expect(codesOf(await graphql(url, secret, PROJECTS))).toEqual(["UNAUTHENTICATED"]);
  });

  test("in a cookie, a query or another scheme", async ({ system: { url }, alice }) => {
    const { secret } = await makeApiKey(alice, ["read"]);
    const ask = async (path: string, headers: Record<string, string>) => {
      const { body } = await post(`${url}${path}`, { query: PROJECTS }, headers);
      return codesOf({ errors: [], ...(body as object) });
    };
    expect(await ask("/graphql", { cookie: `token=${secret}` })).toEqual(["UNAUTHENTICATED"]);
    expect(await ask(`/graphql?access_token=${secret}`, {})).toEqual(["UNAUTHENTICATED"]);
    expect(await ask("/graphql", { authorization: `Basic ${btoa(`${secret}:`)}` })).toEqual([
      "UNAUTHENTICATED",
    ]);
    expect(await ask("/graphql", { "x-api-key": secret })).toEqual(["UNAUTHENTICATED"]);
  });
});

test("members without the permission neither make nor see keys", async ({
  system,
  admin,
  alice,
}) => {
  await makeApiKey(alice, ["read"]);
  const bob = await addMember(system, admin, alice);
  const token = textAt(
    (
      await post(
        `${system.url}/auth/token`,
        { tenantId: alice.tenantId },
        { authorization: `Bearer ${bob.session}` },
      )
    ).body,
    "accessToken",
  );
  const make =
    'mutation { createApiKey(input: { name: "x", scopes: ["read"] }) { result { secret } } }';
  expect((await graphql(system.url, token, make)).errors).toMatchObject([
    { extensions: { code: "FORBIDDEN", details: { permission: "api_keys.manage" } } },
  ]);
  expect((await graphql(system.url, token, "query { apiKeys { totalCount } }")).data).toEqual({
    apiKeys: { totalCount: 0 },
  });
});

test("a key that was used in vain is not noted", async ({ system: { url }, alice, admin }) => {
  const { apiKey, secret } = await makeApiKey(alice, ["read"]);
  await graphql(url, secret, CREATE);
  expect(
    await rowOf(admin, "select last_used_at from app_private.api_key_uses where api_key_id = $1", [
      apiKey.rowId,
    ]),
  ).toEqual({ last_used_at: null });
});
