/** How the server waits for what a task will answer. There is no worker here: the tests answer. */
import type pg from "pg";

import { billingRequests, askBilling, tryBilling } from "../support/billing_requests.ts";
import { graphql, accessToken } from "../support/client.ts";
import { expect, test as base, waitUntil, withClient, withDatabase } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { addMember, foundOpenTenant } from "../support/quiet_system.ts";
import { withSystem, type System } from "../support/system.ts";
import { codesOf, type Member } from "../support/tenant_life.ts";

const WAIT_MS = 1_500;

const test = base.extend<{ $file: { system: System; admin: pg.Client } }>({
  system: [
    async ({ database }, use) => {
      const config = { billingWaitSeconds: WAIT_MS / 1000 };
      await withSystem(database, { worker: false, config }, use);
    },
    { scope: "file" },
  ],
  admin: [
    async ({ database }, use) => {
      await withClient(database.urls.superuser, use);
    },
    { scope: "file" },
  ],
});

/** Resolves with the id of the tenant's open request, as soon as there is one. */
async function openRequest(admin: pg.Client, { tenantId }: Member): Promise<string> {
  const found = await waitUntil(async () => {
    const rows = await rowsOf<{ id: string }>(
      admin,
      "select id from app_public.billing_requests where tenant_id = $1 and status = 'pending'",
      [tenantId],
    );
    return rows[0];
  });
  return found.id;
}

async function answer(admin: pg.Client, member: Member, result: object): Promise<void> {
  const id = await openRequest(admin, member);
  await admin.query("select app_private.finish_billing_request($1, $2, $3)", [
    member.tenantId,
    id,
    JSON.stringify(result),
  ]);
}

test(
  "an answer that comes in time is in the mutation's own",
  { timeout: 60_000 },
  async ({ system, admin }) => {
    const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
    const asked = askBilling(alice, "createBillingPortalSession");
    await answer(admin, alice, { url: "https://billing.example.com/1" });
    expect(await asked).toMatchObject({ status: "done", url: "https://billing.example.com/1" });
  },
);

test("one that does not leaves a request that is pending, and can be read again", async ({
  system,
  admin,
}) => {
  const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
  const begun = Date.now();
  const pending = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
  expect(Date.now() - begun).toBeGreaterThanOrEqual(WAIT_MS);
  expect(pending).toMatchObject({ status: "pending", url: null, errorCode: null });
  expect(await billingRequests(alice)).toEqual([pending]);
  await answer(admin, alice, { url: "https://checkout.example.com/1" });
  expect(await billingRequests(alice)).toMatchObject([
    { rowId: pending.rowId, status: "done", url: "https://checkout.example.com/1" },
  ]);
});

test("what must come first is named, to be read or subscribed to", async ({ system, admin }) => {
  const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
  const pending = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
  const { errors } = await tryBilling(alice, "createCheckoutSession", { plan: "starter" });
  expect(errors).toMatchObject([
    {
      message: "A checkout is being prepared",
      extensions: {
        code: "CONFLICT",
        details: { billingRequestId: pending.rowId, kind: "checkout" },
        hint: 'Try again when it is settled. The query "billingRequest" tells.',
      },
    },
  ]);
});

test("more wait than there are connections, and the others are served meanwhile", async ({
  system,
  admin,
}) => {
  const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
  const waiting = Array.from({ length: 40 }, () => askBilling(alice, "createBillingPortalSession"));
  await openRequest(admin, alice);
  const { data } = await alice.ask("query { currentTenant { name } }");
  expect(data).toEqual({ currentTenant: { name: "Acme" } });
  const { rows } = await admin.query(
    `select from pg_stat_activity
    where application_name = 'rowhouse-server' and state like 'idle in transaction%'
    and state_change < now() - interval '1 second' and datname = current_database()`,
  );
  expect(rows).toEqual([]);
  await answer(admin, alice, { url: "https://billing.example.com/2" });
  const answers = await Promise.all(waiting);
  // On a slow machine the last of them come after the answer: theirs is another request.
  const open = answers.filter(({ status }) => status === "pending");
  expect(open.length).toBeLessThan(answers.length);
  for (const each of answers) {
    const url = each.status === "done" ? "https://billing.example.com/2" : null;
    expect(each).toMatchObject({ url });
  }
});

test("who loses the right while waiting is not told the answer", async ({ system, admin }) => {
  const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
  const bob = await addMember(system, admin, alice);
  const role = (name: string) =>
    admin.query(
      "update app_public.memberships set role = $3 where tenant_id = $1 and user_id = $2",
      [alice.tenantId, bob.id, name],
    );
  await role("owner");
  const token = await accessToken(system.url, bob, alice.tenantId);
  const asked = tryBilling(
    { ask: (query, variables) => graphql(system.url, token, query, variables) },
    "createBillingPortalSession",
  );
  await openRequest(admin, alice);
  await role("member");
  await answer(admin, alice, { url: "https://billing.example.com/3" });
  const { data } = await asked;
  expect(data).toEqual({ createBillingPortalSession: { billingRequest: null } });

  await role("owner");
  const again = tryBilling(
    { ask: (query, variables) => graphql(system.url, token, query, variables) },
    "createBillingPortalSession",
  );
  await openRequest(admin, alice);
  await admin.query("delete from app_public.memberships where user_id = $1", [bob.id]);
  expect(codesOf(await again)).toEqual(["TENANT_NOT_FOUND"]);
});

test("several in one document wait one after the other", async ({ system, admin }) => {
  const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
  const asked = alice.ask(`mutation {
    a: createBillingPortalSession(input: { clientMutationId: "m" }) {
      clientMutationId billingRequest { status url } query { currentTenant { name } }
    }
    b: createCheckoutSession(input: { plan: "pro" }) { billingRequest { status url } }
  }`);
  await answer(admin, alice, { url: "https://billing.example.com/a" });
  await answer(admin, alice, { url: "https://billing.example.com/b" });
  expect((await asked).data).toEqual({
    a: {
      clientMutationId: "m",
      billingRequest: { status: "done", url: "https://billing.example.com/a" },
      query: { currentTenant: { name: "Acme" } },
    },
    b: { billingRequest: { status: "done", url: "https://billing.example.com/b" } },
  });
});

test("a server that is told to stop answers those who wait, at once", async () => {
  await withDatabase("migrated", async (database) => {
    let asked: Promise<unknown> | undefined;
    const config = { billingWaitSeconds: 10 };
    const told = await withSystem(database, { worker: false, config }, (system) =>
      withClient(database.urls.superuser, async (admin) => {
        const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
        asked = askBilling(alice, "createBillingPortalSession");
        await openRequest(admin, alice);
        return Date.now();
      }),
    );
    expect(await asked).toMatchObject({ status: "pending" });
    expect(Date.now() - told).toBeLessThan(3_000);
  });
});
