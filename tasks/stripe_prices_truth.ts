import type Stripe from "stripe";

import { isMissing } from "./stripe_client.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";

/** What app_private.record_stripe_prices takes for each price. */
export type PriceTruth = {
  lookup_key: string;
  id: string;
  currency: string;
  unit_amount: number | null;
  unit_amount_decimal: string | null;
  interval: string | null;
  interval_count: number | null;
  product_name: string | null;
  is_active: boolean;
};

/** How many lookup keys Stripe takes in one list. */
const KEYS_A_LIST = 10;

/** Asks Stripe for the prices of these lookup keys; the configured ones by their id. */
export async function fetchPrices(
  stripe: Pick<Stripe, "prices">,
  lookupKeys: readonly string[],
  configured: ConfiguredPrices,
): Promise<PriceTruth[]> {
  const ids = Object.entries(configured).filter(([, key]) => lookupKeys.includes(key));
  const configuredKeys = new Set(ids.map(([, key]) => key));
  const others = lookupKeys.filter((key) => !configuredKeys.has(key));
  const found: PriceTruth[] = [];
  for (const [id, key] of ids) {
    const price = await priceOf(stripe, id);
    if (price !== undefined) found.push(truthOf(key, price));
  }
  for (let from = 0; from < others.length; from += KEYS_A_LIST) {
    const { data } = await stripe.prices.list({
      lookup_keys: others.slice(from, from + KEYS_A_LIST),
      limit: 100,
      expand: ["data.product"],
    });
    for (const price of data) {
      if (price.lookup_key !== null) found.push(truthOf(price.lookup_key, price));
    }
  }
  return found;
}

async function priceOf(
  stripe: Pick<Stripe, "prices">,
  id: string,
): Promise<Stripe.Price | undefined> {
  try {
    return await stripe.prices.retrieve(id, { expand: ["product"] });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function truthOf(lookupKey: string, price: Stripe.Price): PriceTruth {
  const { product, recurring } = price;
  const isKnown = typeof product === "object" && product.deleted !== true;
  return {
    lookup_key: lookupKey,
    id: price.id,
    currency: price.currency,
    unit_amount: price.unit_amount,
    unit_amount_decimal: price.unit_amount_decimal?.toString() ?? null,
    interval: recurring?.interval ?? null,
    interval_count: recurring?.interval_count ?? null,
    product_name: isKnown ? product.name : null,
    is_active: price.active && isKnown && product.active,
  };
}
