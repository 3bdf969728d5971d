import { randomUUID } from "node:crypto";

import type pg from "pg";
import { pino } from "pino";

import { makeApiKey } from "../support/api_key_client.ts";
import { accessToken, graphql, post } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { addMember, test } from "../support/quiet_system.ts";
import { withSystem } from "../support/system.ts";
import { codesOf, type Member } from "../support/tenant_life.ts";

const LOG = `query ($table: String!) {
  auditEntries(orderBy: PRIMARY_KEY_DESC, filter: { tableName: { equalTo: $table } }) {
    nodes { action tableName recordId changes actorKind actorName ip requestId occurredAt }
  }
}`;
const CREATE = `mutation ($name: String!) {
  createProject(input: { project: { name: $name } }) { project { rowId } }
}`;

/** A mutation under a request id, from an address that a header may claim. */
async function create(
  url: string,
  token: string,
  name: string,
  headers: Record<string, string>,
): Promise<string> {
  const { body } = await post(
    `${url}/graphql`,
    { query: CREATE, variables: { name } },
    { authorization: `Bearer ${token}`, ...headers },
  );
  const { data } = body as { data: { createProject: { project: { rowId: string } } } };
  return data.createProject.project.rowId;
}

test("an owner reads who did what to which row, when and from where", async ({
  system: { url },
  alice,
}) => {
  const byAlice = await create(url, alice.token, "By Alice", { "x-request-id": "audit-request-1" });
  const { apiKey, secret } = await makeApiKey(alice, ["write"]);
  const byMachine = await create(url, secret, "By machine", { "x-request-id": "audit-request-2" });
  const { data, errors } = await alice.ask(LOG, { table: "projects" });
  expect(errors).toEqual([]);
  const entry = {
    action: "insert",
    tableName: "projects",
    ip: "127.0.0.1",
    occurredAt: expect.stringMatching(/^20\d\d-/),
  };
  expect(data).toEqual({
    auditEntries: {
      nodes: [
        {
          ...entry,
          recordId: byMachine,
          actorKind: "api_key",
          actorName: apiKey.name,
          requestId: "audit-request-2",
          changes: {
            id: [null, byMachine],
            name: [null, "By machine"],
            status: [null, "open"],
            created_at: [null, expect.any(String)],
          },
        },
        expect.objectContaining({
          ...entry,
          recordId: byAlice,
          actorKind: "user",
          actorName: "Alice",
          requestId: "audit-request-1",
        }),
      ],
    },
  });
});

test("an admin reads it, a member and a stranger read nothing of it", async ({
  system,
  admin,
  alice,
  mallory,
}) => {
  const { url } = system;
  const bob = await addMember(system, admin, alice);
  const seenBy = async (token: string) => {
    const { data } = await graphql(url, token, "query { auditEntries { nodes { tenantId } } }");
    return (data as { auditEntries: { nodes: { tenantId: string }[] } }).auditEntries.nodes;
  };
  const token = await accessToken(url, bob, alice.tenantId);
  expect(await seenBy(token)).toEqual([]);
  await admin.query("update app_public.memberships set role = 'admin' where user_id = $1", [
    bob.id,
  ]);
  const seen = await seenBy(token);
  expect(seen.length).toBeGreaterThan(3);
  expect(new Set(seen.map(({ tenantId }) => tenantId))).toEqual(new Set([alice.tenantId]));
  const malloryS = await seenBy(mallory.token);
  expect(malloryS.length).toBeGreaterThan(0);
  expect(malloryS).not.toContainEqual({ tenantId: alice.tenantId });
  const { id, tenant_id } = await rowOf<{ id: string; tenant_id: string }>(
    admin,
    "select id, tenant_id from app_public.audit_entries where tenant_id = $1 limit 1",
    [alice.tenantId],
  );
  const BY_ID =
    "query ($id: UUID!, $tenant: UUID!) { auditEntry(rowId: $id, tenantId: $tenant) { action } }";
  const variables = { id, tenant: tenant_id };
  expect((await mallory.ask(BY_ID, variables)).data).toEqual({ auditEntry: null });
  expect((await alice.ask(BY_ID, variables)).data).toEqual({
    auditEntry: { action: expect.any(String) },
  });
  expect(codesOf(await graphql(url, undefined, "query { auditEntries { totalCount } }"))).toEqual([
    "UNAUTHENTICATED",
  ]);
});

test("the API has no mutation that writes it", async ({ system: { url }, alice }) => {
  const { data } = await graphql(
    url,
    alice.token,
    "query { __schema { mutationType { fields { name } } } }",
  );
  expect(JSON.stringify(data)).toContain("createProject");
  expect(JSON.stringify(data)).not.toMatch(/audit/i);
});

test("a request that fails leaves no entry", async ({ system: { url }, admin, alice }) => {
  const count = () =>
    rowOf(admin, "select count(*)::integer as entries from app_public.audit_entries");
  await create(url, alice.token, "Taken", {});
  const before = await count();
  const again = await alice.ask(CREATE, { name: "Taken" });
  expect(codesOf(again)).toEqual(["CONFLICT"]);
  expect(await count()).toEqual(before);
});

describe("the client's address", () => {
  const CLIENT = "198.51.100.7";

  /** What the audit log and the identity provider take for the address. */
  async function recorded(url: string, admin: pg.Client, alice: Member, forwarded: string) {
    const headers = { "x-forwarded-for": forwarded };
    const { secret } = await makeApiKey(alice, ["write"]);
    const rowId = await create(url, secret, randomUUID(), headers);
    const signedUp = await post(
      `${url}/api/auth/sign-up/email`,
      { name: "Eve", email: `${randomUUID()}@example.com`, password: "correct horse battery" },
      headers,
    );
    const { token } = signedUp.body as { token: string };
    return rowOf(
      admin,
      `select
        (select ip from app_public.audit_entries where record_id = $1) as logged,
        (select ip_address from auth.sessions where token = $2) as session`,
      [rowId, token],
    );
  }

  test("is the connection's, whatever it says, when no proxy is trusted", async ({
    system: { url },
    admin,
    alice,
  }) => {
    expect(await recorded(url, admin, alice, CLIENT)).toEqual({
      logged: "127.0.0.1",
      session: "127.0.0.1",
    });
  });

  test("is what trusted proxies say, in the audit log, the sessions and the logs", async ({
    database,
    alice,
    admin,
  }) => {
    const lines: string[] = [];
    const logger = pino({ level: "debug" }, { write: (line) => lines.push(line) });
    const config = { trustedProxies: ["loopback", "10.0.0.0/8"] };
    await withSystem(database, { worker: false, logger, config }, async ({ url }) => {
      const client = { logged: CLIENT, session: CLIENT };
      expect(await recorded(url, admin, alice, CLIENT)).toEqual(client);
      // What stands before the last that no trusted proxy vouches for, the client made up.
      const chain = `203.0.113.9, ${CLIENT}, 10.1.2.3`;
      expect(await recorded(url, admin, alice, chain)).toEqual(client);
      expect(await recorded(url, admin, alice, "<script>")).toMatchObject({ logged: null });
    });
    const requests = lines
      .map((line) => JSON.parse(line) as { req?: { path: string; ip?: string } })
      .filter(({ req }) => req?.path === "/graphql");
    expect(requests.map(({ req }) => req?.ip ?? null)).toEqual([CLIENT, CLIENT, null]);
  });
});
