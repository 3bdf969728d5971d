import type pg from "pg";
import type Stripe from "stripe";

import type { ConfiguredPrices } from "../tasks/stripe_customer_truth.ts";

type PlanPrice = {
  plan_key: string;
  name: string;
  interval: "month" | "year";
  currency: string;
  amount_minor: number | null;
  lookup_key: string;
};

/**
 * Creates at Stripe the products and prices of app_public.plan_prices that it lacks, found by lookup
 * key. Changes nothing that is there: a price at Stripe is what customers agreed to. Those that are
 * configured by id are taken to be there. Returns the lookup keys created.
 */
export async function syncCatalog(
  pool: Pick<pg.Pool, "query">,
  stripe: Pick<Stripe, "products" | "prices">,
  configured: ConfiguredPrices = {},
): Promise<string[]> {
  const { rows } = await pool.query<PlanPrice>(`
    select
      plan_prices.plan_key, plans.name, plan_prices."interval", plan_prices.currency,
      plan_prices.amount_minor, plan_prices.lookup_key
    from app_public.plan_prices
    join app_public.plans on plans.key = plan_prices.plan_key
    order by plans.position, plan_prices."interval"
  `);
  const created: string[] = [];
  const configuredKeys = new Set(Object.values(configured));
  for (const price of rows) {
    if (configuredKeys.has(price.lookup_key)) continue;
    const { data } = await stripe.prices.list({ lookup_keys: [price.lookup_key], limit: 1 });
    if (data.length > 0) continue;
    await createPrice(stripe, price);
    created.push(price.lookup_key);
  }
  return created;
}

async function createPrice(
  stripe: Pick<Stripe, "products" | "prices">,
  price: PlanPrice,
): Promise<void> {
  if (price.amount_minor === null) {
    throw new Error(`The price "${price.lookup_key}" has no amount to create it with`);
  }
  await stripe.prices.create(
    {
      product: await productOf(stripe, price),
      currency: price.currency,
      unit_amount: price.amount_minor,
      recurring: { interval: price.interval },
      lookup_key: price.lookup_key,
      metadata: { plan_key: price.plan_key },
    },
    { idempotencyKey: `rowhouse:price:${price.lookup_key}:${price.amount_minor}` },
  );
}

async function productOf(
  stripe: Pick<Stripe, "products">,
  { plan_key: planKey, name }: PlanPrice,
): Promise<string> {
  const products = await stripe.products
    .list({ active: true, limit: 100 })
    .autoPagingToArray({ limit: 1000 });
  const existing = products.find(({ metadata }) => metadata["plan_key"] === planKey);
  if (existing !== undefined) return existing.id;
  const { id } = await stripe.products.create(
    { name, metadata: { plan_key: planKey } },
    { idempotencyKey: `rowhouse:product:${planKey}` },
  );
  return id;
}
