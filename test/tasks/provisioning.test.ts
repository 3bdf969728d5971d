import type Stripe from "stripe";

import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import { standing } from "../support/billing.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type FaultKind, type Workshop } from "../support/tasks.ts";

const KINDS = [
  "409",
  "429",
  "429_lock_timeout",
  "500_before",
  "500_after",
  "reset_after",
] as const satisfies FaultKind[];
/** What these faults are in the list of adversarial scenarios. */
const SCENARIOS: Record<(typeof KINDS)[number], string> = {
  "409": "S48: ",
  "429": "S48: ",
  "429_lock_timeout": "S48: ",
  "500_before": "",
  "500_after": "S47: ",
  reset_after: "S46: ",
};
/** customers, prices, subscriptions; then the sync: customer, subscriptions, invoices. */
const CALLS = 6;

/** That the tenant has exactly what it was founded for, here and there. */
async function expectProvisioned(workshop: Workshop, tenantId: string): Promise<void> {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect(customers).toHaveLength(1);
  expect(subscriptions).toHaveLength(1);
  await withClient(workshop.database.urls.superuser, async (client) => {
    expect(await standing(client, tenantId)).toMatchObject({
      plan: "pro",
      status: "incomplete",
      access: "none",
      subscription: subscriptions[0]?.id,
      client_secret: expect.stringMatching(/^pi_.*_secret_/),
    });
    const account = await rowOf(
      client,
      `select stripe_customer_id, completed_at is not null as completed, intents.stripe_subscription_id
      from app_public.billing_accounts
      join app_private.billing_intents as intents using (tenant_id) where tenant_id = $1`,
      [tenantId],
    );
    expect(account).toEqual({
      stripe_customer_id: customers[0]?.id,
      completed: true,
      stripe_subscription_id: subscriptions[0]?.id,
    });
    expect(await rowsOf(client, "select from graphile_worker._private_jobs")).toEqual([]);
  });
}

function provision({ stripe, helpers }: Workshop, tenantId: string, configuredPrices = {}) {
  const run = stripeProvisionTenant({ stripe, configuredPrices });
  return run({ tenant_id: tenantId }, helpers);
}

test("a founded tenant gets one customer, one incomplete subscription and a secret to pay with", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const { id: intentId } = await rowOf<{ id: string }>(
    workshop.pool,
    "select id from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const metadata = { tenant_id: tenantId, intent_id: intentId };
  expect(customers[0]).toMatchObject({ name: "Acme", metadata });
  expect(subscriptions[0]).toMatchObject({
    metadata,
    items: { data: [{ price: { lookup_key: "pro_month" } }] },
  });
});

test("a tenant that has its subscription gets no second one, and Stripe is not asked", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  await workshop.control("faults", { kind: "500_before" });
  await provision(workshop, tenantId);
  // The failure planned is still there: nobody called.
  await expect(workshop.stripe.customers.list()).rejects.toThrow();
  await expectProvisioned(workshop, tenantId);
});

test("a tenant that is not there is nobody to provision", async ({ workshop }) => {
  await provision(workshop, "00000000-0000-7000-8000-000000000000");
});

for (const kind of KINDS) {
  for (let nth = 1; nth <= CALLS; nth += 1) {
    test(`${SCENARIOS[kind]}when call ${nth} ends in ${kind}, the retry goes on to one customer and one subscription`, async ({
      workshop,
    }) => {
      const tenantId = await workshop.found();
      await workshop.control("faults", { kind, nth });
      await workshop.settle();
      await expectProvisioned(workshop, tenantId);
    });
  }
}

test.for(["/v1/customers", "/v1/subscriptions"])(
  "S46: a connection that is reset each time after POST %s was done makes no second one",
  async (path, { workshop }) => {
    const tenantId = await workshop.found();
    // The SDK tries again by itself, once: the next to try is the job, and it has but its stored key.
    for (let time = 0; time < 2; time += 1) {
      await workshop.control("faults", { kind: "reset_after", method: "POST", path });
    }
    await expect(provision(workshop, tenantId)).rejects.toThrow("connection to Stripe");
    const made = await workshop.atStripe(tenantId);
    expect([made.customers.length, made.subscriptions.length]).toContain(1);
    await workshop.settle();
    await expectProvisioned(workshop, tenantId);
    expect((await workshop.atStripe(tenantId)).customers[0]?.id).toBe(made.customers[0]?.id);
  },
);

test("S47: when every write fails once after it was done, what was done is found and adopted", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.control("faults", { kind: "500_after", method: "POST", path: "/v1/customers" });
  await workshop.control("faults", {
    kind: "500_after",
    method: "POST",
    path: "/v1/subscriptions",
  });
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
});

test("S47: a failure that Stripe repeats under its key for ever is left behind with the key", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.control("faults", { kind: "500_after", method: "POST", path: "/v1/customers" });
  await expect(provision(workshop, tenantId)).rejects.toMatchObject({ statusCode: 500 });
  const { customers } = await workshop.atStripe(tenantId);
  // Somebody tidies up, so that the search finds nothing; the old key would go on answering 500.
  await workshop.stripe.customers.del(customers[0]?.id ?? "");
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
});

test("the longest search takes nobody else's customer of the same address", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  const { customer_email: email } = await rowOf<{ customer_email: string }>(
    workshop.pool,
    "select customer_email from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const other = await workshop.stripe.customers.create({ email });
  await workshop.control("faults", { kind: "500_before", method: "POST", path: "/v1/customers" });
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
  const { data } = await workshop.stripe.subscriptions.list({ customer: other.id });
  expect(data).toEqual([]);
});

test("two workers at once make one", async ({ workshop }) => {
  const tenantId = await workshop.found();
  const both = await Promise.allSettled([
    provision(workshop, tenantId),
    provision(workshop, tenantId),
  ]);
  expect(both.map(({ status }) => status)).toContain("fulfilled");
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
});

test("a customer that came second is deleted at Stripe, and the first is used", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  const { stripe, pool } = workshop;
  const rival = await stripe.customers.create({ metadata: { tenant_id: tenantId } });
  const customers: Pick<Stripe, "customers">["customers"] = Object.create(stripe.customers);
  customers.create = async (...args: Parameters<typeof stripe.customers.create>) => {
    const created = await stripe.customers.create(...args);
    await pool.query("select app_private.record_intent_customer($1, $2)", [tenantId, rival.id]);
    return created;
  };
  const { checkout, prices, subscriptions } = stripe;
  await stripeProvisionTenant({
    stripe: { checkout, customers, prices, subscriptions },
    configuredPrices: {},
  })({ tenant_id: tenantId }, workshop.helpers);
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
  expect((await workshop.atStripe(tenantId)).customers).toMatchObject([{ id: rival.id }]);
});

test("a plan without a price at Stripe fails with the cause and its cure, and recovers", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  const { data } = await workshop.stripe.prices.list({ lookup_keys: ["pro_month"] });
  const price = data[0]?.id ?? "";
  await workshop.stripe.prices.update(price, { active: false });
  await expect(provision(workshop, tenantId)).rejects.toThrow(/pro_month.*stripe:sync-catalog/s);
  await workshop.stripe.prices.update(price, { active: true });
  await workshop.settle();
  await expectProvisioned(workshop, tenantId);
});
