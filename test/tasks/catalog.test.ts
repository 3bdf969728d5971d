import { syncCatalog } from "../../cli/stripe_catalog.ts";
import { copyCatalog, stripeSyncCatalog } from "../../tasks/stripe_sync_catalog.ts";
import { standing } from "../support/billing.ts";
import { expect, withClient } from "../support/index.ts";
import { paidTenant, syncCustomer } from "../support/paid_tenant.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const copy = ({ options, helpers }: Workshop, changes: Partial<Workshop["options"]> = {}) =>
  stripeSyncCatalog({ ...options, ...changes })({}, helpers);

const priceRow = ({ pool }: Workshop, key: string) =>
  rowOf(
    pool,
    `select amount_minor, unit_amount_decimal, currency, is_active, product_name, stripe_price_id
    from app_public.plan_prices where lookup_key = $1`,
    [key],
  );

const alarms = ({ pool }: Workshop) =>
  rowsOf(
    pool,
    "select kind, subject from app_private.alarms where resolved_at is null order by kind, subject",
  );

async function priceAt({ stripe }: Workshop, key: string) {
  const { data } = await stripe.prices.list({ lookup_keys: [key] });
  const [price] = data;
  if (price === undefined) throw new Error(`Stripe has no price ${key}`);
  return price;
}

/** What a founder does to change a price: a new one takes the key, the old one is archived. */
async function replacePrice(workshop: Workshop, key: string, change: object) {
  const old = await priceAt(workshop, key);
  const made = await workshop.stripe.prices.create({
    product: typeof old.product === "string" ? old.product : old.product.id,
    currency: "usd",
    recurring: { interval: "month" },
    lookup_key: key,
    transfer_lookup_key: true,
    ...change,
  });
  await workshop.stripe.prices.update(old.id, { active: false });
  return made;
}

test("what Stripe says of a price is what people are shown", async ({ workshop }) => {
  const { id } = await priceAt(workshop, "pro_month");
  await copy(workshop);
  const told = {
    amount_minor: 4900,
    unit_amount_decimal: "4900",
    currency: "usd",
    is_active: true,
    product_name: "Pro",
    stripe_price_id: id,
  };
  expect(await priceRow(workshop, "pro_month")).toEqual(told);

  const dearer = await replacePrice(workshop, "pro_month", { currency: "eur", unit_amount: 5900 });
  await copy(workshop);
  expect(await priceRow(workshop, "pro_month")).toEqual({
    ...told,
    amount_minor: 5900,
    unit_amount_decimal: "5900",
    currency: "eur",
    stripe_price_id: dearer.id,
  });
});

test("who bought a price that was replaced and archived since keeps the plan", async ({
  workshop,
}) => {
  const { tenantId, customer } = await paidTenant(workshop);
  await copy(workshop);
  await replacePrice(workshop, "pro_month", { unit_amount: 9900 });
  await copy(workshop);
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query("update app_private.stripe_subscriptions set plan_key = null"),
  );
  await syncCustomer(workshop, customer);
  const stands = await withClient(workshop.database.urls.superuser, (client) =>
    standing(client, tenantId),
  );
  expect(stands).toMatchObject({ plan: "pro", status: "active", access: "full" });
  const plans = await rowsOf(
    workshop.pool,
    "select plan_key from app_private.stripe_subscriptions where tenant_id = $1",
    [tenantId],
  );
  expect(plans).toEqual([{ plan_key: "pro" }]);
});

test("a price that is archived is not sold any more, and is no alarm", async ({ workshop }) => {
  const { id } = await priceAt(workshop, "starter_year");
  await workshop.stripe.prices.update(id, { active: false });
  await copy(workshop);
  expect(await priceRow(workshop, "starter_year")).toMatchObject({ is_active: false });
  await workshop.stripe.prices.update(id, { active: true });
  await copy(workshop);
  expect(await priceRow(workshop, "starter_year")).toMatchObject({ is_active: true });
  expect(await alarms(workshop)).toEqual([]);
});

test("a price that is missing, or charged by another interval, is an alarm until it is mended", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { id } = await priceAt(workshop, "starter_month");
  await stripe.prices.update(id, { lookup_key: "elsewhere" });
  await replacePrice(workshop, "enterprise_month", {
    unit_amount: 1,
    recurring: { interval: "month", interval_count: 3 },
  });
  for (let times = 0; times < 2; times += 1) await copy(workshop);
  expect(await alarms(workshop)).toEqual([
    { kind: "missing_price", subject: "starter_month" },
    { kind: "price_mismatch", subject: "enterprise_month" },
  ]);
  expect(await priceRow(workshop, "starter_month")).toMatchObject({
    is_active: false,
    amount_minor: 1900,
  });

  // It can be named by its id instead; then stripe:sync-catalog does not make another.
  const configuredPrices = { [id]: "starter_month" };
  expect(await syncCatalog(workshop.pool, stripe, configuredPrices)).toEqual([]);
  await replacePrice(workshop, "enterprise_month", { unit_amount: 49_900 });
  await copy(workshop, { configuredPrices });
  expect(await alarms(workshop)).toEqual([]);
  expect(await priceRow(workshop, "starter_month")).toMatchObject({
    is_active: true,
    stripe_price_id: id,
  });
});

test("S45: an amount with fractions is kept to the last digit", async ({ workshop }) => {
  await replacePrice(workshop, "pro_year", {
    unit_amount_decimal: "105000.123456789012",
    recurring: { interval: "year" },
  });
  await copy(workshop);
  expect(await priceRow(workshop, "pro_year")).toMatchObject({
    amount_minor: null,
    unit_amount_decimal: "105000.123456789012",
  });
});

test("what was fetched before a change is not written after it", async ({ workshop }) => {
  const { helpers, options } = workshop;
  let newer = "";
  const query: typeof helpers.query = async (sql, values) => {
    if (sql.includes("record_stripe_prices") && newer === "") {
      const year = { unit_amount: 1, recurring: { interval: "year" } };
      ({ id: newer } = await replacePrice(workshop, "enterprise_year", year));
      await copy(workshop);
    }
    return helpers.query(sql, values);
  };
  await copyCatalog(query, options);
  expect(await priceRow(workshop, "enterprise_year")).toMatchObject({
    amount_minor: 1,
    stripe_price_id: newer,
  });
});
