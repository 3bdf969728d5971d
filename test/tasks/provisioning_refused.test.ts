/** Stripe understood, and said no. The same words are refused for ever, so another intent goes on. */
import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import { standing } from "../support/billing.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

type IntentRow = { id: string; failure: string | null; failed: boolean; completed: boolean };

const intentsOf = ({ pool }: Workshop, tenantId: string) =>
  rowsOf<IntentRow>(
    pool,
    `select id, failure, failed_at is not null as failed, completed_at is not null as completed
    from app_private.billing_intents where tenant_id = $1 order by created_at, id`,
    [tenantId],
  );

const alarmsOf = ({ pool }: Workshop, subject: string) =>
  rowsOf(
    pool,
    "select kind, times, resolved_at is null as open from app_private.alarms where subject = $1",
    [subject],
  );

const jobs = ({ pool }: Workshop) => rowsOf(pool, "select from graphile_worker._private_jobs");

const renew = ({ pool }: Workshop, tenantId: string) =>
  rowOf<{ id: string | null }>(pool, "select app_private.renew_billing_intent($1) as id", [
    tenantId,
  ]);

async function expectOne(workshop: Workshop, tenantId: string): Promise<void> {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  await withClient(workshop.database.urls.superuser, async (client) => {
    expect(await standing(client, tenantId)).toMatchObject({
      status: "incomplete",
      subscription: subscriptions[0]?.id,
    });
  });
}

test("S49: a key used with other words ends the intent with an alarm, and is not tried again", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  const [intent] = await intentsOf(workshop, tenantId);
  await workshop.stripe.customers.create(
    { name: "Somebody else" },
    { idempotencyKey: `rowhouse:customer:${intent?.id}:0` },
  );
  await workshop.settle();
  expect(await jobs(workshop)).toEqual([]);
  expect(await intentsOf(workshop, tenantId)).toMatchObject([
    { failed: true, completed: false, failure: expect.stringContaining("idempotent") },
  ]);
  const open = { kind: "provisioning_failed", times: 1, open: true };
  expect(await alarmsOf(workshop, tenantId)).toEqual([open]);

  // Nor night after night by the sweep, which is for what nobody works on.
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query("update app_private.billing_intents set created_at = now() - interval '2 hours'"),
  );
  const swept = await rowOf(workshop.pool, "select app_private.resume_provisioning() as resumed");
  expect(swept).toEqual({ resumed: 0 });

  await renew(workshop, tenantId);
  await workshop.settle();
  await expectOne(workshop, tenantId);
  expect(await alarmsOf(workshop, tenantId)).toEqual([{ ...open, open: false }]);
});

test("S53: a card declined is left behind with its intent; the next one gets a fresh answer", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  // And then for a day under the same key.
  await workshop.control("faults", { kind: "402", method: "POST", path: "/v1/subscriptions" });
  await workshop.settle();
  const [declined] = await intentsOf(workshop, tenantId);
  expect(declined).toMatchObject({ failed: true, failure: "Your card was declined." });
  expect((await workshop.atStripe(tenantId)).subscriptions).toEqual([]);

  const { id } = await renew(workshop, tenantId);
  expect(id).not.toBe(declined?.id);
  await workshop.settle();
  await expectOne(workshop, tenantId);
  const { subscriptions } = await workshop.atStripe(tenantId);
  expect(subscriptions[0]?.metadata["intent_id"]).toBe(id);
});

test("a subscription that expired unpaid is followed by a new one, under a new key", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const [customer] = (await workshop.atStripe(tenantId)).customers;
  await workshop.control("advance", { seconds: 23 * 3600 + 60 });
  await workshop.pool.query("select app_private.request_customer_sync($1)", [customer?.id]);
  await workshop.settle();
  const { id } = await renew(workshop, tenantId);
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect(customers).toMatchObject([{ id: customer?.id }]);
  expect(subscriptions.map(({ status }) => status).toSorted()).toEqual([
    "incomplete",
    "incomplete_expired",
  ]);
  expect(subscriptions.find(({ status }) => status === "incomplete")?.metadata["intent_id"]).toBe(
    id,
  );
});

test("a tenant whose subscription lives has nothing to renew; what is open is not doubled", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  const [open] = await intentsOf(workshop, tenantId);
  expect(await renew(workshop, tenantId)).toEqual({ id: open?.id });
  await workshop.settle();
  expect(await renew(workshop, tenantId)).toEqual({ id: null });
  expect(await renew(workshop, "00000000-0000-7000-8000-000000000000")).toEqual({ id: null });
  await expectOne(workshop, tenantId);
});

test("ten renewals at once make one intent", async ({ workshop }) => {
  const tenantId = await workshop.found();
  await workshop.pool.query(
    "update app_private.billing_intents set failed_at = now() where tenant_id = $1",
    [tenantId],
  );
  const ids = await Promise.all(Array.from({ length: 10 }, () => renew(workshop, tenantId)));
  expect(new Set(ids.map(({ id }) => id)).size).toBe(1);
  await workshop.settle();
  await expectOne(workshop, tenantId);
});

test("a renewal adopts the subscription that somebody made meanwhile in the dashboard", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const customer = customers[0]?.id ?? "";
  await workshop.stripe.subscriptions.cancel(subscriptions[0]?.id ?? "");
  await workshop.pool.query("select app_private.request_customer_sync($1)", [customer]);
  await workshop.settle();
  await renew(workshop, tenantId);
  const { data } = await workshop.stripe.prices.list({ lookup_keys: ["pro_month"] });
  const made = await workshop.stripe.subscriptions.create({
    customer,
    items: [{ price: data[0]?.id ?? "" }],
    payment_behavior: "default_incomplete",
  });
  await workshop.settle();
  const live = (await workshop.atStripe(tenantId)).subscriptions.filter(
    ({ status }) => status !== "canceled",
  );
  expect(live.map(({ id }) => id)).toEqual([made.id]);
});

test("a customer deleted at Stripe before it had its subscription is replaced", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.control("faults", { kind: "409", method: "POST", path: "/v1/subscriptions" });
  const run = stripeProvisionTenant({ stripe: workshop.stripe, configuredPrices: {} });
  await expect(run({ tenant_id: tenantId }, workshop.helpers)).rejects.toThrow();
  const [lost] = (await workshop.atStripe(tenantId)).customers;
  await workshop.stripe.customers.del(lost?.id ?? "");
  await workshop.settle();
  await expectOne(workshop, tenantId);
  expect(await intentsOf(workshop, tenantId)).toMatchObject([{ failed: false, completed: true }]);
  expect(await alarmsOf(workshop, tenantId)).toEqual([]);
});
