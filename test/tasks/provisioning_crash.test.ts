/** The process dies between any two steps: before a call goes out, after its answer came. */
import type { JobHelpers } from "graphile-worker";

import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** begin, customer, note it, price, freeze it, subscription, note it. */
const STEPS = 7;
const AFTER_CUSTOMER = 3;
const AFTER_FREEZE = 9;
const AFTER_SUBSCRIPTION = 11;

class Died extends Error {}

/** Runs provisioning until the process dies, `point` half steps on. */
async function dieAt({ stripe, pool }: Workshop, tenantId: string, point: number): Promise<void> {
  let left = point;
  const live = () => {
    left -= 1;
    if (left < 0) throw new Died();
  };
  const mortal = <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async function called(...args: A): Promise<R> {
      live();
      const answer = await call(...args);
      live();
      return answer;
    };
  const { customers, prices, subscriptions } = stripe;
  const dying = {
    customers: { create: mortal(customers.create.bind(customers)) },
    prices: { list: mortal((params: object) => prices.list(params)) },
    subscriptions: { create: mortal(subscriptions.create.bind(subscriptions)) },
  } as unknown as typeof stripe;
  const query = mortal((sql: string, values?: unknown[]) => pool.query(sql, values));
  const run = stripeProvisionTenant({ stripe: dying, configuredPrices: {} });
  const job = run({ tenant_id: tenantId }, { query } as unknown as JobHelpers);
  await expect(job).rejects.toBeInstanceOf(Died);
}

async function expectOne(workshop: Workshop, tenantId: string): Promise<void> {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  const account = await rowOf(
    workshop.pool,
    "select stripe_customer_id, stripe_subscription_id from app_public.billing_accounts where tenant_id = $1",
    [tenantId],
  );
  expect(account).toEqual({
    stripe_customer_id: customers[0]?.id,
    stripe_subscription_id: subscriptions[0]?.id,
  });
}

for (let point = 0; point < STEPS * 2; point += 1) {
  const [step, half] = [Math.floor(point / 2) + 1, point % 2 === 0 ? "before" : "after"];
  test(`a death ${half} step ${step} leaves one customer and one subscription in the end`, async ({
    workshop,
  }) => {
    const tenantId = await workshop.found();
    await dieAt(workshop, tenantId, point);
    await workshop.settle();
    await expectOne(workshop, tenantId);
  });
}

test("deaths at every step, one after another, still leave one of each", async ({ workshop }) => {
  const tenantId = await workshop.found();
  // Steps that are done are not taken again: the way gets shorter with the customer, the price.
  for (const point of [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4]) {
    await dieAt(workshop, tenantId, point);
  }
  await workshop.settle();
  await expectOne(workshop, tenantId);
});

test.for([AFTER_CUSTOMER, AFTER_CUSTOMER + 2, AFTER_FREEZE, AFTER_SUBSCRIPTION])(
  "S50: resumed 30 hours later, when Stripe has forgotten the keys, it adopts what is there (death at %s)",
  async (point, { workshop }) => {
    const tenantId = await workshop.found();
    await dieAt(workshop, tenantId, point);
    const before = await workshop.atStripe(tenantId);
    expect(before.customers).toHaveLength(1);
    await withClient(workshop.database.urls.superuser, (client) =>
      client.query(
        "update app_private.billing_intents set first_attempt_at = first_attempt_at - interval '30 hours' where tenant_id = $1",
        [tenantId],
      ),
    );
    await workshop.control("advance", { seconds: 30 * 3600 });
    await workshop.settle();
    await expectOne(workshop, tenantId);
    const { customers, subscriptions } = await workshop.atStripe(tenantId);
    expect(customers[0]?.id).toBe(before.customers[0]?.id);
    expect([undefined, subscriptions[0]?.id]).toContain(before.subscriptions[0]?.id);
  },
);

test("the price that was found first is the one subscribed to, whatever is configured by then", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await dieAt(workshop, tenantId, AFTER_FREEZE);
  const { data } = await workshop.stripe.prices.list({ lookup_keys: ["enterprise_month"] });
  await workshop.settle({ configuredPrices: { [data[0]?.id ?? ""]: "pro_month" } });
  await expectOne(workshop, tenantId);
  const { subscriptions } = await workshop.atStripe(tenantId);
  expect(subscriptions[0]?.items.data).toMatchObject([{ price: { lookup_key: "pro_month" } }]);
});

test("the price that was found is not looked up again", async ({ workshop }) => {
  const tenantId = await workshop.found();
  await dieAt(workshop, tenantId, AFTER_FREEZE);
  await workshop.control("faults", { kind: "500_before", method: "GET", path: "/v1/prices" });
  await workshop.settle();
  await expectOne(workshop, tenantId);
  // The failure planned is still there.
  await expect(workshop.stripe.prices.list()).rejects.toMatchObject({ statusCode: 500 });
});

test("a price that is configured by id is taken before Stripe's own", async ({ workshop }) => {
  const tenantId = await workshop.found();
  const { data } = await workshop.stripe.prices.list({ lookup_keys: ["pro_year"] });
  await workshop.settle({ configuredPrices: { [data[0]?.id ?? ""]: "pro_month" } });
  const { subscriptions } = await workshop.atStripe(tenantId);
  expect(subscriptions[0]?.items.data).toMatchObject([{ price: { lookup_key: "pro_year" } }]);
});

test("S51: a name and an address that change meanwhile do not change what is asked of Stripe", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await dieAt(workshop, tenantId, AFTER_CUSTOMER);
  const [before] = (await workshop.atStripe(tenantId)).customers;
  await withClient(workshop.database.urls.superuser, async (client) => {
    await client.query("update app_public.tenants set name = 'Renamed' where id = $1", [tenantId]);
    await client.query(
      `update auth.users set email = 'new-' || email where id =
        (select user_id from app_public.memberships where tenant_id = $1)`,
      [tenantId],
    );
  });
  await workshop.settle();
  await expectOne(workshop, tenantId);
  const [after] = (await workshop.atStripe(tenantId)).customers;
  expect(after).toMatchObject({ id: before?.id, email: before?.email, name: "Acme" });
});
