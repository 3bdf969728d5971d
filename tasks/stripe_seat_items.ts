import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import type { ConfiguredPrices } from "./stripe_customer_truth.ts";

/** An item of a subscription that is billed by seat; the time in Unix seconds. */
export type SeatItem = { itemId: string; lookupKey: string; quantity: number; periodStart: number };

/** More items than this a subscription can't have. */
const AT_MOST = 100;

/** The items of a subscription that are billed by seat, or were, wherever among its items they stand. */
export async function seatItems(
  stripe: Pick<Stripe, "subscriptionItems">,
  query: JobHelpers["query"],
  { id, items }: Stripe.Subscription,
  { tenantId, configured }: { tenantId: string; configured: ConfiguredPrices },
): Promise<SeatItem[]> {
  const all = items.has_more
    ? await stripe.subscriptionItems
        .list({ subscription: id, limit: 100 })
        .autoPagingToArray({ limit: AT_MOST })
    : items.data;
  const { rows } = await query<{ item_id: string; lookup_key: string }>(
    "select item_id, lookup_key from app_private.seat_items($1, $2)",
    [
      tenantId,
      JSON.stringify(
        all.map(({ id: itemId, price }) => ({
          item_id: itemId,
          price_id: price.id,
          lookup_key: configured[price.id] ?? price.lookup_key,
        })),
      ),
    ],
  );
  return rows.flatMap(({ item_id: itemId, lookup_key: lookupKey }) => {
    const item = all.find((each) => each.id === itemId);
    if (item?.quantity === undefined) return [];
    return [{ itemId, lookupKey, quantity: item.quantity, periodStart: item.current_period_start }];
  });
}
