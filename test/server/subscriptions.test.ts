import { createClient } from "graphql-ws";
import type pg from "pg";

import { makeApiKey } from "../support/api_key_client.ts";
import { accessToken, graphql, signUp } from "../support/client.ts";
import { expect, waitUntil } from "../support/index.ts";
import { addMember, foundOpenTenant, test } from "../support/quiet_system.ts";
import type { System } from "../support/system.ts";
import { textAt, type Member } from "../support/tenant_life.ts";
import { isEvent, Subscriber, TENANT_CHANGED, type Told } from "../support/subscriber.ts";

test("a member is told of the tenant at once, and again when its row changes", async ({
  system,
  admin,
}) => {
  const owner = await foundOpenTenant(system, admin, { name: "Northwind", person: "Nora" });
  using nora = await Subscriber.connect(system.url, owner.token);
  nora.subscribe();
  const tenant = {
    rowId: owner.tenantId,
    name: "Northwind",
    status: "active",
    access: "full",
    accessReason: "paid",
    plan: "pro",
  };
  await nora.until(isEvent("current"));
  expect(nora.told()).toEqual([{ data: { tenantChanged: { event: "current", tenant } } }]);

  await rename(owner, "Southwind");
  await nora.until(isEvent("tenant"));
  expect(nora.told().slice(1)).toEqual([
    { data: { tenantChanged: { event: "tenant", tenant: { ...tenant, name: "Southwind" } } } },
  ]);
});

test("a suspended tenant is told so, and told when it is open again", async ({ system, admin }) => {
  const owner = await foundOpenTenant(system, admin, { name: "Slow payer", person: "Sam" });
  using sam = await Subscriber.connect(system.url, owner.token);
  sam.subscribe("subscription { tenantChanged { tenant { access } } }");
  const access = () =>
    sam.told().map(({ data }) => textAt(data, "tenantChanged", "tenant", "access"));
  await waitUntil(() => access().length === 1);
  await setAccess("none");
  await waitUntil(() => access().length === 2);
  await setAccess("full");
  await waitUntil(() => access().length === 3);
  expect(access()).toEqual(["full", "none", "full"]);

  async function setAccess(value: string): Promise<void> {
    await admin.query("update app_public.tenants set access = $2 where id = $1", [
      owner.tenantId,
      value,
    ]);
  }
});

test("an API key is told of its tenant until it is revoked", async ({ system, alice }) => {
  const { apiKey, secret } = await makeApiKey(alice, ["read"]);
  using machine = await Subscriber.connect(system.url, secret);
  machine.subscribe("subscription { tenantChanged { tenant { rowId } } }");
  await waitUntil(() => machine.told().length === 1);
  expect(machine.told()).toEqual([
    { data: { tenantChanged: { tenant: { rowId: alice.tenantId } } } },
  ]);
  await alice.ask(
    "mutation ($id: UUID!) { revokeApiKey(input: { apiKeyId: $id }) { clientMutationId } }",
    { id: apiKey.rowId },
  );
  await waitUntil(() => machine.codes().length > 0);
  expect(machine.codes()).toEqual(["UNAUTHENTICATED"]);
  using late = await Subscriber.connect(system.url, secret);
  expect(await late.end()).toMatchObject({ code: 4403 });
});

test("a member who is removed is told nothing more, though the token is good", async ({
  system,
  admin,
  alice,
}) => {
  const bob = await addMember(system, admin, alice);
  const token = await accessToken(system.url, bob, alice.tenantId);
  using removed = await Subscriber.connect(system.url, token);
  // One asks for no row of the tenant's, and is out all the same.
  removed.subscribe("subscription { tenantChanged { event } }");
  removed.subscribe(TENANT_CHANGED, "2");
  await waitUntil(() => removed.told("1").length + removed.told("2").length === 2);

  await alice.ask(
    "mutation ($id: UUID!) { removeMember(input: { userId: $id }) { clientMutationId } }",
    { id: bob.id },
  );
  await waitUntil(() => removed.codes("1").length + removed.codes("2").length === 2);
  expect([removed.codes("1"), removed.codes("2")]).toEqual([
    ["TENANT_NOT_FOUND"],
    ["TENANT_NOT_FOUND"],
  ]);
  expect(removed.told("2")).toHaveLength(2);

  using again = await Subscriber.connect(system.url, token);
  expect(await again.end()).toMatchObject({
    code: 4403,
    reason: expect.stringMatching(/^TENANT_NOT_FOUND: /),
  });
});

test("a member is not told that another one has left", async ({ system, admin, alice }) => {
  const bob = await addMember(system, admin, alice);
  using owner = await Subscriber.connect(system.url, alice.token);
  owner.subscribe("subscription { tenantChanged { event } }");
  await owner.until(isEvent("current"));
  await admin.query("delete from app_public.memberships where user_id = $1", [bob.id]);
  await admin.query("update app_public.tenants set cancel_at = now() where id = $1", [
    alice.tenantId,
  ]);
  await owner.until(isEvent("tenant"));
  expect(owner.told().map(({ data }) => data?.tenantChanged?.["event"])).toEqual([
    "current",
    "tenant",
  ]);
});

test("whoever is in no tenant, or shows no good token, is told nothing", async ({
  system,
  alice,
}) => {
  const stranger = await signUp(system.url, "Stranger");
  using between = await Subscriber.connect(system.url, await accessToken(system.url, stranger));
  between.subscribe();
  await waitUntil(() => between.codes().length > 0);
  expect(between.codes()).toEqual(["TENANT_REQUIRED"]);

  const forged = `${alice.token.slice(0, -4)}AAAA`;
  for (const [token, code] of [
    [undefined, 4401],
    ["nonsense", 4403],
    [forged, 4403],
    [`rh_test_${"0".repeat(48)}`, 4403],
  ] as const) {
    using refused = await Subscriber.connect(system.url, token);
    expect(await refused.end(), token).toEqual({
      code,
      reason: expect.stringMatching(/^UNAUTHENTICATED: /),
    });
    refused.subscribe();
    expect(refused.messages).toEqual([]);
  }
});

test("a token may stand in the header of the upgrade", async ({ system, alice }) => {
  const authorization = `Bearer ${alice.token}`;
  using owner = await Subscriber.connect(system.url, undefined, { authorization });
  owner.subscribe();
  expect((await owner.until(isEvent("current"))).errors).toBeUndefined();
});

test("20 tenants at once are told of their own changes and of nobody else's", async ({
  system,
  admin,
}) => {
  const owners = await foundMany(system, admin, { people: 4, each: 5 });
  using stack = new DisposableStack();
  const all = await Promise.all(
    owners.map(async (owner) => {
      const subscriber = stack.use(await Subscriber.connect(system.url, owner.token));
      subscriber.subscribe();
      await subscriber.until(isEvent("current"));
      return { owner, subscriber };
    }),
  );
  for (const round of ["a", "b", "c"]) {
    await Promise.all(owners.map((owner, n) => rename(owner, `Canary ${n}${round}`)));
  }
  // A forged notification, which any role can send, makes a server look at its own row once more.
  await admin.query("select pg_notify('rowhouse_tenants', $1)", [
    JSON.stringify({
      tenant_id: owners[0]?.tenantId,
      topic: "tenant",
      row_id: owners[1]?.tenantId,
    }),
  ]);
  await Promise.all(
    all.map(({ subscriber }, n) =>
      waitUntil(() => subscriber.names().includes(`Canary ${n}c`), { deadlineMs: 10_000 }),
    ),
  );
  for (const [n, { owner, subscriber }] of all.entries()) {
    const told = subscriber.told().map(({ data }) => data?.tenantChanged?.["tenant"]);
    // The first event, three changes and one that was forged: of the others' 57 none.
    expect(told.length).toBeLessThanOrEqual(5);
    const ids = new Set(told.map((tenant) => textAt(tenant, "rowId")));
    expect(ids).toEqual(new Set([owner.tenantId]));
    const [first, ...rest] = subscriber.names();
    const own = new Set<unknown>(["a", "b", "c"].map((round) => `Canary ${n}${round}`));
    expect(rest.filter((name) => name !== first && !own.has(name))).toEqual([]);
  }
});

test("when the listening connection is killed, what was missed is told as soon as there is another", async ({
  system,
  admin,
}) => {
  const owner = await foundOpenTenant(system, admin, { name: "Before", person: "Hal" });
  using hal = await Subscriber.connect(system.url, owner.token);
  hal.subscribe();
  await hal.until(isEvent("current"));
  // Renamed in one statement with the kill: its notification finds nobody listening.
  await admin.query(
    `with killed as materialized (
      select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and application_name = 'rowhouse-listener'
    )
    update app_public.tenants set name = 'Missed' from (select count(*) from killed) as _
    where id = $1`,
    [owner.tenantId],
  );
  await waitUntil(() => hal.names().includes("Missed"), { deadlineMs: 10_000 });
  await rename(owner, "After");
  await waitUntil(() => hal.names().includes("After"));
  expect(hal.codes()).toEqual([]);
});

test("the client of graphql-ws gets what the documentation says", async ({ system, admin }) => {
  const owner = await foundOpenTenant(system, admin, { name: "Docs", person: "Dora" });
  const client = createClient({
    url: `${system.url.replace(/^http/, "ws")}/graphql`,
    connectionParams: async () => ({ Authorization: `Bearer ${owner.token}` }),
    retryAttempts: Infinity,
    shouldRetry: (event) =>
      event instanceof CloseEvent && !event.reason.startsWith("TENANT_NOT_FOUND"),
  });
  const seen: unknown[] = [];
  for await (const { data } of client.iterate({ query: TENANT_CHANGED })) {
    const { tenant } = (data as Told["data"] & {}).tenantChanged as { tenant: { name: string } };
    seen.push(tenant.name);
    if (seen.length === 2) break;
    await rename(owner, "Docs read");
  }
  expect(seen).toEqual(["Docs", "Docs read"]);
  await client.dispose();
});

test("a page of another origin can't subscribe, one of ours can", async ({ system, alice }) => {
  const { url } = system;
  expect(await Subscriber.refused(url, { origin: "https://evil.example.com" })).toBe(403);
  for (const origin of [url, "https://app.example.com"]) {
    using page = await Subscriber.connect(url, alice.token, { origin });
    expect(page.messages).toEqual([{ type: "connection_ack" }]);
  }
});

async function rename({ ask, tenantId }: Member, name: string): Promise<void> {
  const { errors } = await ask(
    `mutation ($tenantId: UUID!, $name: String!) {
      updateTenant(input: { rowId: $tenantId, patch: { name: $name } }) { tenant { name } }
    }`,
    { tenantId, name },
  );
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
}

/** Open tenants of few people: signing up is what takes long. */
async function foundMany(
  { url }: System,
  admin: pg.ClientBase,
  { people, each }: { people: number; each: number },
): Promise<Member[]> {
  const members = await Promise.all(
    Array.from({ length: people }, async () => {
      const person = await signUp(url, "Owner");
      const between = await accessToken(url, person);
      const found = async (n: number): Promise<Member> => {
        const { data } = await graphql(
          url,
          between,
          `mutation { createTenant(input: { name: "Canary ${n}" }) { tenant { rowId } } }`,
        );
        const tenantId = textAt(data, "createTenant", "tenant", "rowId");
        const token = await accessToken(url, person, tenantId);
        return { person, tenantId, token, ask: (...asked) => graphql(url, token, ...asked) };
      };
      return Promise.all(Array.from({ length: each }, (_, n) => found(n)));
    }),
  );
  await admin.query("update app_public.tenants set access = 'full' where id = any ($1::uuid[])", [
    members.flat().map(({ tenantId }) => tenantId),
  ]);
  return members.flat();
}
