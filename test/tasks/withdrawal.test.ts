/** What ought not to be at Stripe is taken back: what a closed tenant leaves, what was made twice. */
import type Stripe from "stripe";

import type { StripeProvisioner } from "../../tasks/stripe_provisioning.ts";
import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const close = ({ database }: Workshop, tenantId: string) =>
  withClient(database.urls.superuser, (client) =>
    client.query("update app_public.tenants set status = 'closed', access = 'none' where id = $1", [
      tenantId,
    ]),
  );

const remove = ({ database }: Workshop, tenantId: string) =>
  withClient(database.urls.superuser, async (client) => {
    await client.query("delete from app_public.tenants where id = $1", [tenantId]);
    await client.query("update graphile_worker._private_jobs set run_at = now()");
  });

/** The saga's own client, with something done right after the call of `what`. */
function meanwhile(
  { stripe }: Workshop,
  what: "customers" | "subscriptions",
  act: () => Promise<unknown>,
): StripeProvisioner {
  const customers: Stripe["customers"] = Object.create(stripe.customers);
  const subscriptions: Stripe["subscriptions"] = Object.create(stripe.subscriptions);
  async function after<T>(made: Promise<T>): Promise<T> {
    const result = await made;
    await act();
    return result;
  }
  if (what === "customers") {
    customers.create = (...args: Parameters<typeof stripe.customers.create>) =>
      after(stripe.customers.create(...args));
  } else {
    subscriptions.create = (...args: Parameters<typeof stripe.subscriptions.create>) =>
      after(stripe.subscriptions.create(...args));
  }
  return { checkout: stripe.checkout, customers, prices: stripe.prices, subscriptions };
}

const leftAt = async (workshop: Workshop, tenantId: string) => {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  return {
    customers: customers.length,
    live: subscriptions.filter(({ status }) => status !== "canceled").length,
  };
};

test.for([
  { name: "closed", end: close },
  { name: "deleted", end: remove },
])(
  "S54: of a tenant $name before its customer was made, nothing is left at Stripe",
  async ({ end }, { workshop }) => {
    const tenantId = await workshop.found();
    await end(workshop, tenantId);
    await workshop.settle();
    expect(await leftAt(workshop, tenantId)).toEqual({ customers: 0, live: 0 });
  },
);

for (const what of ["customers", "subscriptions"] as const) {
  for (const [name, end] of Object.entries({ closed: close, deleted: remove })) {
    test(`S54: of a tenant ${name} while POST ${what} was under way, nothing is left at Stripe`, async ({
      workshop,
    }) => {
      const tenantId = await workshop.found();
      const stripe = meanwhile(workshop, what, () => end(workshop, tenantId));
      const run = stripeProvisionTenant({ stripe, configuredPrices: {} });
      await run({ tenant_id: tenantId }, workshop.helpers);
      await workshop.settle();
      expect(await leftAt(workshop, tenantId)).toEqual({ customers: 0, live: 0 });
    });

    test(`S54: nor when the worker died right after POST ${what} of a tenant ${name} by then`, async ({
      workshop,
    }) => {
      const tenantId = await workshop.found();
      const stripe = meanwhile(workshop, what, async () => {
        await end(workshop, tenantId);
        throw new Error("died");
      });
      const run = stripeProvisionTenant({ stripe, configuredPrices: {} });
      await expect(run({ tenant_id: tenantId }, workshop.helpers)).rejects.toThrow("died");
      await workshop.settle();
      expect(await leftAt(workshop, tenantId)).toEqual({ customers: 0, live: 0 });
    });
  }
}

test("a closed tenant who has paid keeps its customer, and its subscription is cancelled", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const { data } = await workshop.stripe.paymentIntents.list({ customer: customers[0]?.id ?? "" });
  await workshop.stripe.paymentIntents.confirm(data[0]?.id ?? "", {
    payment_method: "pm_card_visa",
  });
  await close(workshop, tenantId);
  await workshop.settle();
  const after = await workshop.atStripe(tenantId);
  expect(after.customers).toMatchObject([{ id: customers[0]?.id }]);
  expect(after.subscriptions).toMatchObject([{ id: subscriptions[0]?.id, status: "canceled" }]);
});

test("a tenant that is not closed is not withdrawn, whoever asks", async ({ workshop }) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  await workshop.pool.query("select graphile_worker.add_job('stripe_withdraw_tenant', $1)", [
    JSON.stringify({ tenant_id: tenantId }),
  ]);
  await workshop.settle();
  expect(await leftAt(workshop, tenantId)).toEqual({ customers: 1, live: 1 });
});

test("a second customer and a second subscription are removed at Stripe, and the operator told", async ({
  workshop,
}) => {
  const { pool, stripe } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const first = await workshop.atStripe(tenantId);
  const customer = first.customers[0]?.id ?? "";
  const { id: intentId } = await rowOf<{ id: string }>(
    pool,
    "select id from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const second = await stripe.customers.create({ metadata: { tenant_id: tenantId } });
  const items = [{ price: first.subscriptions[0]?.items.data[0]?.price.id ?? "" }];
  const double = await stripe.subscriptions.create({
    customer,
    items,
    payment_behavior: "default_incomplete",
  });
  for (let times = 0; times < 2; times += 1) {
    expect(
      await rowOf(
        pool,
        `select app_private.record_intent_customer($1, $2) as customer,
          app_private.record_intent_subscription($1, $3, $4) as subscription`,
        [tenantId, second.id, intentId, double.id],
      ),
    ).toEqual({ customer, subscription: first.subscriptions[0]?.id });
    await workshop.settle();
  }
  const after = await workshop.atStripe(tenantId);
  expect(after.customers).toMatchObject([{ id: customer }]);
  expect(after.subscriptions.filter(({ status }) => status === "incomplete")).toMatchObject([
    { id: first.subscriptions[0]?.id },
  ]);
  expect(
    await rowsOf(pool, "select kind, subject, times from app_private.alarms order by kind"),
  ).toEqual([
    { kind: "duplicate_customer", subject: second.id, times: 2 },
    { kind: "duplicate_subscription", subject: double.id, times: 2 },
  ]);
});

test("what a tenant has come to count on is not discarded", async ({ workshop }) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  for (const id of [customers[0]?.id, subscriptions[0]?.id]) {
    await workshop.pool.query("select app_private.discard_at_stripe($1, $2, null)", [id, tenantId]);
  }
  await workshop.settle();
  expect(await leftAt(workshop, tenantId)).toEqual({ customers: 1, live: 1 });
});
