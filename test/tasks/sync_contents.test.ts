/** What the sync copies of a customer, and what it costs. */
import Stripe from "stripe";

import { idOf } from "../../dev/stripe/store.ts";
import { stripeSyncCustomer } from "../../tasks/stripe_sync_customer.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import {
  copyOf,
  paidTenant,
  priceOf,
  standsSynced,
  strangePrice,
  sync,
  tenantWith,
} from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** As many as Stripe sends along with a subscription. */
const INLINE_ITEMS = 10;

/** Counts the statements and the calls to Stripe of one sync. */
async function costOf(
  { options, helpers }: Workshop,
  customer: string,
): Promise<{ statements: number; calls: string[] }> {
  let statements = 0;
  const calls: string[] = [];
  const heard = ({ method, path }: Stripe.RequestEvent) => {
    calls.push(`${method} ${path.replace(/\?.*/, "").replace(/cus_\w+/, "cus_…")}`);
  };
  options.stripe.on("request", heard);
  try {
    const query: typeof helpers.query = (...args) => {
      statements += 1;
      return helpers.query(...args);
    };
    await stripeSyncCustomer(options)({ customer_id: customer }, { ...helpers, query });
  } finally {
    options.stripe.off("request", heard);
  }
  return { statements, calls: calls.toSorted() };
}

test("S39: a sync costs three statements and four calls; of a customer deleted, one call for its invoices", async ({
  workshop,
}) => {
  const { customer } = await paidTenant(workshop);
  expect(await costOf(workshop, customer)).toEqual({
    statements: 3,
    calls: [
      "GET /v1/customers/cus_…",
      "GET /v1/entitlements/active_entitlements",
      "GET /v1/invoices",
      "GET /v1/subscriptions",
    ],
  });
  await workshop.stripe.customers.del(customer);
  expect(await costOf(workshop, customer)).toEqual({
    statements: 3,
    calls: ["GET /v1/customers/cus_…", "GET /v1/invoices"],
  });
  expect(await costOf(workshop, customer)).toEqual({ statements: 3, calls: ["GET /v1/invoices"] });
});

test("S34: what flexible billing cancels by a date is shown as scheduled, until it is undone", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  const { items } = await stripe.subscriptions.retrieve(tenant.subscription);
  const end = items.data[0]?.current_period_end ?? 0;
  const scheduled = await stripe.subscriptions.update(tenant.subscription, { cancel_at: end });
  expect(scheduled.cancel_at_period_end).toBe(false);
  const date = new Date(end * 1000);
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "active",
    access: "full",
    cancel_at: date,
    access_until: date,
  });
  await stripe.subscriptions.update(tenant.subscription, { cancel_at: "" });
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    cancel_at: null,
    access_until: null,
  });
});

test("S42: of more items than come with a subscription none is lost", async ({ workshop }) => {
  const { stripe } = workshop;
  const addons: Stripe.SubscriptionCreateParams.Item[] = [];
  for (let n = 0; n < INLINE_ITEMS; n += 1) addons.push({ price: await strangePrice(workshop) });
  const plan = { price: await priceOf(workshop, "enterprise_month"), quantity: 3 };
  const tenant = await tenantWith(workshop, { items: [...addons, plan] });
  const { items } = await stripe.subscriptions.retrieve(tenant.subscription);
  expect(items).toMatchObject({ has_more: true });
  expect(items.data.map(({ price }) => price.id)).not.toContain(plan.price);
  expect(await standsSynced(workshop, tenant)).toMatchObject({ plan: "enterprise" });
  const copy = await copyOf(workshop, tenant);
  expect(copy).toMatchObject({ price_id: plan.price, quantity: "3" });
  expect(copy["items"]).toHaveLength(INLINE_ITEMS + 1);
});

test("S42: of more entitlements than fit on a page none is lost", async ({ workshop }) => {
  const { stripe, pool } = workshop;
  const price = await strangePrice(workshop);
  const { product } = await stripe.prices.retrieve(price);
  const keys = Array.from({ length: 101 }, (_, n) => `feature_${String(n).padStart(3, "0")}`);
  for (const lookup_key of keys) {
    const { id } = await stripe.entitlements.features.create({ lookup_key, name: lookup_key });
    await stripe.products.createFeature(idOf(product), { entitlement_feature: id });
  }
  const tenant = await tenantWith(workshop, { items: [{ price }] });
  await sync(workshop, tenant.customer);
  expect(
    await rowOf(
      pool,
      "select active_entitlements from app_private.stripe_customers where id = $1",
      [tenant.customer],
    ),
  ).toEqual({ active_entitlements: keys });
});

test("S43: the plan is found whatever the order of the items", async ({ workshop }) => {
  const addon = { price: await strangePrice(workshop), quantity: 9 };
  const plan = { price: await priceOf(workshop, "starter_month"), quantity: 2 };
  for (const items of [
    [addon, plan],
    [plan, addon],
  ]) {
    const tenant = await tenantWith(workshop, { items });
    expect(await standsSynced(workshop, tenant)).toMatchObject({ plan: "starter" });
    expect(await copyOf(workshop, tenant)).toMatchObject({ price_id: plan.price, quantity: "2" });
  }
});

test("S44: of items billed by month and by year, the month is when the next invoice comes", async ({
  workshop,
}) => {
  const tenant = await tenantWith(workshop, {
    billing_mode: { type: "flexible" },
    items: [
      { price: await priceOf(workshop, "pro_year") },
      { price: await strangePrice(workshop) },
    ],
  });
  const ends = tenant.made.items.data.map((item) => item.current_period_end);
  expect(new Set(ends).size).toBe(2);
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    plan: "pro",
    current_period_end: new Date(Math.min(...ends) * 1000),
  });
});

test.for([
  { amount: "0.105", quantity: 1000 },
  // More digits than a number of JavaScript's can hold.
  { amount: "105000.123456789012", quantity: 1 },
])(
  "S45: a price of $amount cents is copied exactly",
  async ({ amount, quantity }, { workshop }) => {
    const price = await strangePrice(workshop, {
      unit_amount_decimal: Stripe.Decimal.from(amount),
    });
    const tenant = await tenantWith(workshop, { items: [{ price, quantity }] });
    await sync(workshop, tenant.customer);
    expect(await copyOf(workshop, tenant)).toMatchObject({
      items: [{ price_id: price, unit_amount_decimal: amount, quantity }],
    });
  },
);

test("an invoice is followed until it is settled, however many newer ones there are", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const tenant = await paidTenant(workshop);
  const renew = (outcome: "pay" | "fail") =>
    workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome });
  await renew("fail");
  const [old] = (await stripe.invoices.list({ customer: tenant.customer, status: "open" })).data;
  const id = old?.id ?? "";
  await stripe.invoices.markUncollectible(id);
  await sync(workshop, tenant.customer);
  for (let n = 0; n < 101; n += 1) await renew("pay");
  const known = () =>
    rowOf(
      pool,
      `select count(*)::integer as count, min(status) filter (where id = $2) as old
      from app_public.invoices where tenant_id = $1`,
      [tenant.tenantId, id],
    );
  await sync(workshop, tenant.customer);
  // The first one and the old one came with the first sync, the newest 100 with the second.
  expect(await known()).toEqual({ count: 102, old: "uncollectible" });
  await stripe.invoices.pay(id, { payment_method: "pm_card_visa" });
  await sync(workshop, tenant.customer);
  expect(await known()).toEqual({ count: 102, old: "paid" });
});
