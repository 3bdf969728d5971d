/** What a comparison makes of a price that is given another lookup key, of which no customer's event tells. */
import { stripeSyncCatalog } from "../../tasks/stripe_sync_catalog.ts";
import { expect } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { paidTenant, priceOf, stands, sync } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

async function drifted(workshop: Workshop): Promise<unknown> {
  await workshop.pool.query("select app_private.request_reconcile()");
  await workshop.settle();
  const [last] = await rowsOf<{ drifted: number }>(
    workshop.pool,
    `select (result->>'drifted')::integer as drifted from app_private.stripe_checks
    where kind = 'reconcile' and finished_at is not null order by started_at desc limit 1`,
  );
  return last?.drifted;
}

test("a lookup key that another price took over is no drift of who bought the old one", async ({
  workshop,
}) => {
  const { stripe, options, helpers } = workshop;
  await stripeSyncCatalog(options)({}, helpers);
  const { tenantId, customer } = await paidTenant(workshop);
  await sync(workshop, customer);
  const bought = await priceOf(workshop, "pro_month");
  const { product } = await stripe.prices.retrieve(bought);
  await stripe.prices.create({
    product: typeof product === "string" ? product : product.id,
    currency: "usd",
    recurring: { interval: "month" },
    unit_amount: 9900,
    lookup_key: "pro_month",
    transfer_lookup_key: true,
  });
  await stripe.prices.update(bought, { active: false });
  await stripeSyncCatalog(options)({}, helpers);

  expect(await drifted(workshop)).toBe(0);
  expect(await stands(workshop, tenantId)).toMatchObject({ plan: "pro", access: "full" });
});

test("a price that was made another plan's is drift of who bought it", async ({ workshop }) => {
  const { stripe, options, helpers } = workshop;
  const { tenantId, customer } = await paidTenant(workshop);
  await sync(workshop, customer);
  const bought = await priceOf(workshop, "pro_month");
  await stripe.prices.update(bought, {
    lookup_key: "enterprise_month",
    transfer_lookup_key: true,
  });
  await stripeSyncCatalog(options)({}, helpers);

  expect(await drifted(workshop)).toBe(1);
  expect(await stands(workshop, tenantId)).toMatchObject({ plan: "enterprise" });
  expect(await drifted(workshop)).toBe(0);
});
