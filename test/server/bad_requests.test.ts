import { post } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { faultOf } from "../support/contract.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { codesOf, type Member } from "../support/tenant_life.ts";

const MISSING = "018f0000-0000-7000-8000-000000000000";

describe("a body that is none", () => {
  const PATHS = ["/graphql", "/auth/token", "/api/auth/sign-up/email", "/api/auth/sign-in/email"];
  const BODIES: [what: string, body: string, headers?: Record<string, string>][] = [
    ["invalid JSON", "{"],
    ["no JSON", "email=alice", { "content-type": "application/x-www-form-urlencoded" }],
    ["text", "hello", { "content-type": "text/plain" }],
    ["XML", "<a/>", { "content-type": "application/xml" }],
    ["an array", "[]"],
    ["a list of questions", '[{"query":"{ __typename }"}]'],
    ["a number", "1"],
    ["null", "null"],
    ["a text", '"query"'],
    ["nothing", ""],
    ["everything of the wrong type", '{"query":1,"tenantId":{},"email":[],"password":1,"name":{}}'],
    ["a strange character set", "{}", { "content-type": "application/json; charset=utf-17" }],
    ["a false encoding", "{}", { "content-encoding": "gzip" }],
    ["300 KB", JSON.stringify({ query: `{ ${"a ".repeat(150_000)} }` })],
    ["nesting without end", `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`],
    ["a prototype", '{"__proto__":{"tenantId":"x"},"constructor":{"prototype":{}}}'],
  ];

  test.for(PATHS)(
    "%s is refused as a 4xx and writes nothing",
    async (path, { system, admin, alice }) => {
      const before = await countRows(admin);
      for (const [what, body, headers = {}] of BODIES) {
        const answer = await post(`${system.url}${path}`, body, {
          authorization: `Bearer ${path === "/graphql" ? alice.token : "none"}`,
          ...headers,
        });
        expect(answer.status, what).toBeGreaterThanOrEqual(400);
        expect(answer.status, what).toBeLessThan(500);
      }
      expect(await countRows(admin)).toEqual(before);
    },
  );
});

describe("an address or a method that is none", () => {
  test.for([
    ["GET", "/nothing", 404],
    ["POST", "/nothing", 404],
    ["GET", "/auth/token", 404],
    ["DELETE", "/auth/token", 404],
    ["GET", "/webhooks/stripe", 405],
    ["PUT", "/webhooks/stripe", 405],
    ["POST", "/healthz", 404],
    ["GET", "/api/auth/nothing", 404],
    ["DELETE", "/api/auth/sign-in/email", 404],
    ["PUT", "/graphql", 405],
    ["DELETE", "/graphql", 405],
    ["GET", "/graphql?query=%7B__typename%7D", 405],
    ["GET", "/%00", 404],
    ["GET", "/%zz", 404],
    ["GET", "/../../etc/passwd", 404],
  ] as const)("%s %s is %i", async ([method, path, status], { system }) => {
    const response = await fetch(`${system.url}${path}`, { method });
    expect(response.status).toBe(status);
    if (path.startsWith("/api/auth")) return;
    expect(faultOf({ status, body: await response.json() })).toBeUndefined();
  });
});

describe("signing up", () => {
  const good = { name: "Carol", email: "carol@example.com", password: "correct horse battery" };

  test.for([
    ["no name", { name: undefined }],
    ["a blank name", { name: "" }],
    ["a NUL in the name", { name: "Ca\u0000rol" }],
    ["a name of 10,000 characters", { name: "x".repeat(10_000) }],
    ["no e-mail", { email: undefined }],
    ["an e-mail that is none", { email: "carol" }],
    ["a NUL in the e-mail", { email: "ca\u0000rol@example.com" }],
    ["an e-mail of 10,000 characters", { email: `${"x".repeat(10_000)}@example.com` }],
    ["no password", { password: undefined }],
    ["a short password", { password: "x" }],
    ["a password of 10,000 characters", { password: "x".repeat(10_000) }],
    ["an image of 10,000 characters", { image: `http://x/${"x".repeat(10_000)}` }],
    ["an image that is none", { image: { url: 1 } }],
  ] as const)("with %s is a 4xx and makes nobody", async ([, wrong], { system, admin }) => {
    const before = await countRows(admin);
    const { status } = await post(`${system.url}/api/auth/sign-up/email`, { ...good, ...wrong });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(await countRows(admin)).toEqual(before);
  });

  test("twice with one e-mail is a 4xx and makes one person", async ({ system, admin }) => {
    const email = "dave@example.com";
    const first = await post(`${system.url}/api/auth/sign-up/email`, { ...good, email });
    expect(first.status).toBe(200);
    const before = await countRows(admin);
    for (const again of [email, email.toUpperCase()]) {
      const second = await post(`${system.url}/api/auth/sign-up/email`, { ...good, email: again });
      expect(second.status).toBe(422);
    }
    expect(await countRows(admin)).toEqual(before);
  });

  test("a wrong password or an unknown e-mail signs nobody in, and looks the same", async ({
    system,
    alice,
  }) => {
    const url = `${system.url}/api/auth/sign-in/email`;
    const wrong = await post(url, { email: alice.person.email, password: "wrong horse battery" });
    const unknown = await post(url, { email: "nobody@example.com", password: "wrong horse" });
    expect(wrong.status).toBe(401);
    expect(unknown).toMatchObject({ status: wrong.status, body: wrong.body });
  });
});

describe("a token for a tenant", () => {
  test.for([
    ["a text", "acme"],
    ["a number", 1],
    ["a list", [1]],
    ["an object", {}],
    ["an empty text", ""],
    ["a uuid and more", `${MISSING}' or true --`],
    ["a NUL", "\u0000"],
  ] as const)("named by %s is refused as bad input", async ([, tenantId], { system, alice }) => {
    const { status, body } = await post(
      `${system.url}/auth/token`,
      { tenantId },
      { authorization: `Bearer ${alice.person.session}` },
    );
    expect({ status, codes: codesOf(body as Parameters<typeof codesOf>[0]) }).toEqual({
      status: 400,
      codes: ["BAD_USER_INPUT"],
    });
  });
});

describe("a GraphQL question", () => {
  const tooDeep = (levels: number) =>
    `{ projects { nodes ${"{ tasks { nodes { project ".repeat(levels)} { name } ${"} } }".repeat(levels)} } }`;

  test.for([
    ["nested too deeply", tooDeep(10)],
    ["of lists in lists", tooDeep(3)],
    [
      "through a tenant round and round",
      `{ currentTenant ${"{ billing { tenant ".repeat(8)} { name } ${"} }".repeat(8)} }`,
    ],
  ] as const)("%s is too complex", async ([, query], { alice }) => {
    expect(codesOf(await alice.ask(query))).toContain("QUERY_TOO_COMPLEX");
  });

  const NONSENSE = [
    "",
    "{",
    "{ nothing }",
    "{ projects { nodes { secrets } } }",
    "subscription { tenantChanged { x } }",
    "query A { __typename } query B { __typename }",
    'query { projects(first: "ten") { nodes { name } } }',
    "query { projects(first: -1) { nodes { name } } }",
    "query { projects(offset: -1) { nodes { name } } }",
    "query { projects(first: 1, last: 1) { nodes { name } } }",
    "query { projects(first: 99999999999) { nodes { name } } }",
    'query { projects(after: "garbage") { nodes { name } } }',
    'query { projects(after: "WyJuYXR1cmFsIiwtMV0=") { nodes { name } } }',
    "query { projects(orderBy: [NOTHING]) { nodes { name } } }",
    'query { projects(condition: { rowId: "x" }) { nodes { name } } }',
    'query { projects(filter: { name: { like: "\\u0000" } }) { nodes { name } } }',
    'query { projects(filter: { name: { similarTo: "(" } }) { nodes { name } } }',
    'query { project(rowId: "x", tenantId: "y") { name } }',
    'query { tenantHasFeature(feature: "\\u0000") }',
    "query ($x: Int!) { projects(first: $x) { nodes { name } } }",
    "fragment F on Project { ...F } query { projects { nodes { ...F } } }",
    "{ ...F } fragment F on Query { ...F }",
    `{ ${"a: __typename ".repeat(20_000)} }`,
    `{ __typename ${"@include(if: true) ".repeat(5_000)} }`,
    "mutation { deleteEverything { ok } }",
  ];

  test.for(NONSENSE.map((query) => ({ query, start: query.slice(0, 60) })))(
    "that makes no sense never fails on our side: $start",
    async ({ query }, { system, alice }) => {
      const answer = await ask(system.url, alice, query);
      expect(faultOf(answer)).toBeUndefined();
    },
  );

  test.for([
    "",
    "garbage",
    "e30=",
    btoa('["Project"]'),
    btoa('["Project","x","y"]'),
    btoa('["Plan",{}]'),
  ])("for the node %s finds nothing", async (id, { alice }) => {
    const { data, errors } = await alice.ask(
      "query ($id: ID!) { node(id: $id) { id } projectById(id: $id) { name } planById(id: $id) { key } }",
      { id },
    );
    expect(errors.map(({ extensions }) => extensions.code)).not.toContain("INTERNAL");
    expect(Object.values(data ?? {})).toEqual([null, null, null]);
  });
});

async function ask(url: string, { token }: Member, query: string) {
  return post(`${url}/graphql`, { query }, { authorization: `Bearer ${token}` });
}
