import { accessToken, graphql } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { codesOf } from "../support/tenant_life.ts";

const CREATE = `mutation ($input: CreateTenantInput!) {
  createTenant(input: $input) { tenant { name plan } }
}`;

describe("founding a tenant", () => {
  test.for([
    ["a blank name", { name: "" }],
    ["a name of spaces", { name: "   " }],
    ["a name of other whitespace", { name: "\t\r\n" }],
    ["a name of no-break spaces", { name: "\u00a0\u00a0" }],
    ["a control character in the name", { name: "Ac\u0007me" }],
    ["a line break in the name", { name: "Ac\nme" }],
    ["a NUL in the name", { name: "Ac\u0000me" }],
    ["a name of 101 characters", { name: "x".repeat(101) }],
    ["a name of 10,000 characters", { name: "x".repeat(10_000) }],
    ["no name", { name: null }],
    ["an unknown plan", { plan: "platinum" }],
    ["an empty plan", { plan: "" }],
    ["no plan", { plan: null }],
    ["a plan with a NUL", { plan: "pro\u0000" }],
    ["an unknown interval", { interval: "week" }],
    ["no interval", { interval: null }],
  ] as const)(
    "with %s is refused and founds nothing",
    async ([, wrong], { system, admin, alice }) => {
      const token = await accessToken(system.url, alice.person);
      const before = await countRows(admin);
      const answer = await graphql(system.url, token, CREATE, {
        input: { name: "Acme", plan: "pro", ...wrong },
      });
      expect(codesOf(answer)).toEqual(["BAD_USER_INPUT"]);
      expect(await countRows(admin)).toEqual(before);
    },
  );

  test.for(["A", "x".repeat(100), "Łódź & Søn 株式会社", "👩‍👩‍👧", "'; drop table tenants; --"])(
    "takes the name %s as it is",
    async (name, { system, alice }) => {
      const token = await accessToken(system.url, alice.person);
      const { data } = await graphql(system.url, token, CREATE, { input: { name, plan: "pro" } });
      expect(data).toEqual({ createTenant: { tenant: { name, plan: "pro" } } });
    },
  );
});

describe("using a feature", () => {
  const CONSUME = `mutation ($input: ConsumeFeatureInput!) {
    consumeFeature(input: $input) { entitlement { used } }
  }`;

  test.for([
    ["amount 0", { amount: 0 }],
    ["a negative amount", { amount: -1 }],
    ["more than a million", { amount: 1_000_001 }],
    ["an amount beyond 32 bits", { amount: 2 ** 31 }],
    ["half an amount", { amount: 1.5 }],
    ["no amount", { amount: null }],
    ["an empty idempotency key", { idempotencyKey: "" }],
    ["an idempotency key of 201 characters", { idempotencyKey: "k".repeat(201) }],
    ["no idempotency key", { idempotencyKey: null }],
    ["a feature that isn't metered", { feature: "seats" }],
    ["an unknown feature", { feature: "teleport" }],
    ["no feature", { feature: null }],
  ] as const)("with %s is refused and counts nothing", async ([, wrong], { admin, alice }) => {
    const before = await countRows(admin);
    const answer = await alice.ask(CONSUME, {
      input: { feature: "apiCalls", amount: 1, idempotencyKey: "k", ...wrong },
    });
    expect(codesOf(answer)).toEqual(["BAD_USER_INPUT"]);
    expect(await countRows(admin)).toEqual(before);
  });

  test("one key with another amount is a conflict", async ({ alice }) => {
    const input = { feature: "apiCalls", amount: 2, idempotencyKey: "same" };
    const first = await alice.ask(CONSUME, { input });
    expect(first.data).toEqual({ consumeFeature: { entitlement: { used: 2 } } });
    const second = await alice.ask(CONSUME, { input: { ...input, amount: 3 } });
    expect(codesOf(second)).toEqual(["CONFLICT"]);
  });

  test("beyond the limit is refused with the limit, and counts nothing", async ({ alice }) => {
    const used = 2;
    const answer = await alice.ask(CONSUME, {
      input: { feature: "apiCalls", amount: 50_000, idempotencyKey: "all" },
    });
    expect(answer.errors).toMatchObject([
      {
        extensions: {
          code: "LIMIT_EXCEEDED",
          details: { feature: "apiCalls", limit: 50_000, used, resetsAt: expect.any(String) },
        },
      },
    ]);
    const again = await alice.ask(CONSUME, {
      input: { feature: "apiCalls", amount: 1, idempotencyKey: "one" },
    });
    expect(again.data).toEqual({ consumeFeature: { entitlement: { used: used + 1 } } });
  });
});

describe("naming a project", () => {
  const CREATE_PROJECT = `mutation ($name: String!) {
    createProject(input: { project: { name: $name } }) { project { name } }
  }`;

  test.for(["", "   ", "a\nb", "a\u0000b", "x".repeat(10_000)])(
    "%j is refused and writes nothing",
    async (name, { system, admin, alice }) => {
      const token = await accessToken(system.url, alice.person, alice.tenantId);
      const before = await countRows(admin);
      const answer = await graphql(system.url, token, CREATE_PROJECT, { name });
      expect(codesOf(answer)).toEqual(["BAD_USER_INPUT"]);
      expect(await countRows(admin)).toEqual(before);
    },
  );
});
