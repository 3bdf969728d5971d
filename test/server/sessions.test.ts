import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";

import { accessToken, graphql, post } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { addMember, test } from "../support/quiet_system.ts";
import { codesOf } from "../support/tenant_life.ts";

const PASSWORD = "correct horse battery";
const UNAUTHENTICATED = { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] };

describe("a token for a session", () => {
  test("is verified by the published keys, and says what it must and no more", async ({
    system,
    alice,
  }) => {
    const { status, headers, body } = await post(
      `${system.url}/auth/token`,
      { tenantId: alice.tenantId },
      { authorization: `Bearer ${alice.person.session}` },
    );
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    const answer = body as { accessToken: string; expiresAt: string };
    expect(Object.keys(answer).toSorted()).toEqual(["accessToken", "expiresAt"]);

    const keys = createRemoteJWKSet(new URL(`${system.url}/api/auth/jwks`));
    const { payload } = await jwtVerify(answer.accessToken, keys, {
      issuer: system.url,
      audience: system.url,
      algorithms: ["EdDSA"],
    });
    const { iat = 0, exp = 0 } = payload;
    expect(payload).toEqual({
      iss: system.url,
      aud: system.url,
      sub: alice.person.id,
      sid: expect.any(String),
      tenant_id: alice.tenantId,
      iat,
      exp,
    });
    expect(exp - iat).toBe(600);
    expect(Date.parse(answer.expiresAt)).toBe(exp * 1000);
    expect(Math.abs(iat * 1000 - Date.now())).toBeLessThan(5_000);
    expect(decodeProtectedHeader(answer.accessToken)).toMatchObject({ alg: "EdDSA" });
  });

  test("the published keys hold nothing private", async ({ system }) => {
    const { keys } = (await (await fetch(`${system.url}/api/auth/jwks`)).json()) as {
      keys: Record<string, unknown>[];
    };
    expect(keys.map((key) => Object.keys(key).toSorted())).toEqual([
      ["alg", "crv", "kid", "kty", "x"],
    ]);
  });

  test("is given for a cookie as for a bearer", async ({ system, alice }) => {
    const cookie = await signIn(system.url, alice.person.email);
    const { status, body } = await post(
      `${system.url}/auth/token`,
      { tenantId: alice.tenantId },
      { cookie },
    );
    expect(status).toBe(200);
    const { accessToken: token } = body as { accessToken: string };
    const me = await graphql(system.url, token, "query { currentUser { rowId } }");
    expect(me.data).toEqual({ currentUser: { rowId: alice.person.id } });
  });

  test("without a tenant names none", async ({ system, alice }) => {
    const token = await accessToken(system.url, alice.person);
    const { data } = await graphql(system.url, token, "query { tenants { nodes { rowId } } }");
    expect(data).toEqual({ tenants: { nodes: [{ rowId: alice.tenantId }] } });
    const projects = await graphql(system.url, token, "query { projects { totalCount } }");
    expect(codesOf(projects)).toEqual(["TENANT_REQUIRED"]);
  });

  test.for([
    ["no session", {}],
    ["an unknown session", { authorization: "Bearer nobody" }],
    ["a forged cookie", { cookie: "better-auth.session_token=x.y" }],
    ["a password", { authorization: `Basic ${btoa(`alice:${PASSWORD}`)}` }],
  ] as const)("is refused to %s", async ([, headers], { system }) => {
    const answer = await post(`${system.url}/auth/token`, {}, headers);
    expect(answer).toMatchObject({ status: 401, body: UNAUTHENTICATED });
  });

  test("is refused to an access token, so that none can renew itself", async ({
    system,
    alice,
  }) => {
    const answer = await post(
      `${system.url}/auth/token`,
      {},
      { authorization: `Bearer ${alice.token}` },
    );
    expect(answer).toMatchObject({ status: 401, body: UNAUTHENTICATED });
  });

  test("is refused after the session expired", async ({ system, admin, mallory }) => {
    const { authorization, token } = await bearerOf(system.url, mallory.person.email);
    await admin.query(
      "update auth.sessions set expires_at = now() - interval '1 s' where token = $1",
      [token],
    );
    const answer = await post(`${system.url}/auth/token`, {}, { authorization });
    expect(answer).toMatchObject({ status: 401, body: UNAUTHENTICATED });
  });
});

test("signing out ends the session, and no other", async ({ system, alice }) => {
  const cookie = await signIn(system.url, alice.person.email);
  const headers = { cookie };
  expect((await post(`${system.url}/auth/token`, {}, headers)).status).toBe(200);
  expect((await post(`${system.url}/api/auth/sign-out`, {}, headers)).status).toBe(200);
  expect(await post(`${system.url}/auth/token`, {}, headers)).toMatchObject({
    status: 401,
    body: UNAUTHENTICATED,
  });
  expect(await accessToken(system.url, alice.person)).toMatch(/^ey/);
});

test("who was removed from a tenant is out at the next request, whatever the token says", async ({
  system,
  admin,
  alice,
}) => {
  const bob = await addMember(system, admin, alice);
  const token = await accessToken(system.url, bob, alice.tenantId);
  const ask = (query: string) => graphql(system.url, token, query);
  expect((await ask("query { projects { totalCount } }")).errors).toEqual([]);

  await admin.query("delete from app_public.memberships where user_id = $1", [bob.id]);
  const doors = [
    "query { projects { totalCount } }",
    "query { currentTenant { name } }",
    "query { entitlements { nodes { feature } } }",
    "query { currentUser { name } }",
    "query { plans { nodes { key } } }",
    'mutation { createProject(input: { project: { name: "Mine" } }) { clientMutationId } }',
  ];
  for (const door of doors) expect(codesOf(await ask(door)), door).toEqual(["TENANT_NOT_FOUND"]);
  expect(
    await post(
      `${system.url}/auth/token`,
      { tenantId: alice.tenantId },
      { authorization: `Bearer ${bob.session}` },
    ),
  ).toMatchObject({
    status: 403,
    body: { errors: [{ extensions: { code: "TENANT_NOT_FOUND" } }] },
  });
});

test.for([
  "",
  "Bearer",
  "Bearer a b",
  "Bearer garbage",
  "Basic YTpi",
  "Bearer e30.e30.",
  "rh_live_x",
])(
  "an Authorization of %o is refused, never taken for a visitor's",
  async (authorization, { system }) => {
    const answer = await post(
      `${system.url}/graphql`,
      { query: "query { plans { nodes { key } } }" },
      { authorization },
    );
    expect(answer).toMatchObject({ status: 401, body: UNAUTHENTICATED });
  },
);

test("a visitor reads the plans, and is asked to sign in for the rest", async ({ system }) => {
  const plans = await graphql(system.url, undefined, "query { plans { nodes { key } } }");
  expect(plans.data).toEqual({
    plans: { nodes: [{ key: "enterprise" }, { key: "pro" }, { key: "starter" }] },
  });
  for (const door of ["projects", "tenants", "users", "memberships", "entitlements"]) {
    const answer = await graphql(
      system.url,
      undefined,
      `query { ${door} { nodes { __typename } } }`,
    );
    expect(codesOf(answer), door).toEqual(["UNAUTHENTICATED"]);
  }
});

async function signIn(url: string, email: string): Promise<string> {
  const { status, headers } = await post(`${url}/api/auth/sign-in/email`, {
    email,
    password: PASSWORD,
  });
  expect(status).toBe(200);
  return headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}

async function bearerOf(url: string, email: string) {
  const { body } = await post(`${url}/api/auth/sign-in/email`, { email, password: PASSWORD });
  const { token } = body as { token: string };
  return { token, authorization: `Bearer ${token}` };
}
