import { randomUUID } from "node:crypto";

import type pg from "pg";
import Stripe from "stripe";

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
 * key. Changes nothing that is there: a price at Stripe is what customers agreed to, and one that is
 * archived is what somebody stopped selling. Those that are configured by id are taken to be there. Returns the lookup keys created, by this call and no other.
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
    if (await isThere(stripe, price)) continue;
    if (await createPrice(stripe, price)) created.push(price.lookup_key);
  }
  return created;
}

async function isThere(
  stripe: Pick<Stripe, "prices">,
  { lookup_key: lookupKey }: PlanPrice,
): Promise<boolean> {
  const { data } = await stripe.prices.list({ lookup_keys: [lookupKey], limit: 1 });
  return data.length > 0;
}

/** False when another run was faster. */
async function createPrice(
  stripe: Pick<Stripe, "products" | "prices">,
  price: PlanPrice,
): Promise<boolean> {
  if (price.amount_minor === null) {
    throw new Error(`The price "${price.lookup_key}" has no amount to create it with`);
  }
  const product = await productOf(stripe, price);
  try {
    await stripe.prices.create(
      {
        product,
        currency: price.currency,
        unit_amount: price.amount_minor,
        recurring: { interval: price.interval },
        lookup_key: price.lookup_key,
        metadata: { plan_key: price.plan_key },
      },
      // A key of this call's own: to an older one Stripe would tell for a day of the price that it made
      // then, which may have lost its lookup key. Against two runs at once that key protects by itself.
      { idempotencyKey: `rowhouse:price:${price.lookup_key}:${randomUUID()}` },
    );
    return true;
  } catch (error) {
    const isTaken =
      error instanceof Stripe.errors.StripeInvalidRequestError && (await isThere(stripe, price));
    if (isTaken) return false;
    throw error;
  }
}

async function productOf(
  stripe: Pick<Stripe, "products">,
  { plan_key: planKey, name }: PlanPrice,
): Promise<string> {
  const find = async () => {
    const products = await stripe.products
      .list({ active: true, limit: 100 })
      .autoPagingToArray({ limit: 1000 });
    return products.find(({ metadata }) => metadata["plan_key"] === planKey)?.id;
  };
  const create = (idempotencyKey: string) =>
    stripe.products.create({ name, metadata: { plan_key: planKey } }, { idempotencyKey });

  const existing = await find();
  if (existing !== undefined) return existing;
  // The same key, so that two runs at once make one product. For a day Stripe gives the same answer to
  // it, also about a product that was archived since: only what is found then is there.
  const key = `rowhouse:product:${planKey}`;
  await create(key);
  return (await find()) ?? (await create(`${key}:${randomUUID()}`)).id;
}
