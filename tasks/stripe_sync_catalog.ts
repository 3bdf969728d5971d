import type { JobHelpers, Task } from "graphile-worker";
import type Stripe from "stripe";

import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { fetchPrices } from "./stripe_prices_truth.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      /** Takes nothing: the catalog is one. */
      stripe_sync_catalog: object;
    }
  }
}

export type StripeSyncCatalogOptions = {
  stripe: Pick<Stripe, "prices">;
  configuredPrices: ConfiguredPrices;
};

/** Copies what Stripe says of our plans' prices. Safe to run twice, in any order, at the same time. */
export function stripeSyncCatalog(options: StripeSyncCatalogOptions): Task<"stripe_sync_catalog"> {
  return async function run(_payload, { query }) {
    await copyCatalog(query, options);
  };
}

/** The same without a job. */
export async function copyCatalog(
  query: JobHelpers["query"],
  { stripe, configuredPrices }: StripeSyncCatalogOptions,
): Promise<void> {
  const { rows } = await query<{ seq: string; lookup_keys: string[] }>(
    `select
      nextval('app_private.stripe_sync_seq') as seq,
      array(select lookup_key from app_public.plan_prices order by lookup_key) as lookup_keys`,
  );
  const [start] = rows;
  if (start === undefined) throw new Error("The database gave no number for the fetch");
  const prices = await fetchPrices(stripe, start.lookup_keys, configuredPrices);
  await query(
    "select app_private.record_stripe_prices($1, $2), app_private.request_known_prices()",
    [start.seq, JSON.stringify(prices)],
  );
}
