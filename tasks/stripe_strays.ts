import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import type { Stray } from "./stripe_listing.ts";
import { deleteCustomer } from "./stripe_removal.ts";
import { isWantedAtStripe } from "./stripe_wanted.ts";

type Settling = {
  stripe: Pick<Stripe, "customers" | "subscriptions">;
  query: JobHelpers["query"];
  stray: Stray;
};

/** Of these nothing was ever paid, so that nobody misses them. */
const UNPAID = new Set<string>(["incomplete", "incomplete_expired", "canceled"]);

/**
 * A crash between Stripe's answer and our note of it leaves a customer that nobody knows. Its tenant
 * gets it, if it has none; otherwise it is removed, unless something was paid on it. One that a
 * tenant counts on meanwhile is left.
 */
export async function settleStray({
  stripe,
  query,
  stray,
}: Settling): Promise<"adopted" | "removed" | "alarmed" | "left"> {
  const { customer_id: customerId, tenant_id: tenantId, intent_id: intentId } = stray;
  if (!stray.has_another) {
    const { rows } = await query(
      `select app_private.request_customer_sync($1)
      where app_private.adopt_stripe_customer($1, $2, $3)`,
      [customerId, tenantId, intentId],
    );
    return rows.length > 0 ? "adopted" : "left";
  }
  const { data } = await stripe.subscriptions.list({
    customer: customerId,
    status: "all",
    limit: 100,
  });
  // What was listed may be minutes old: it may be the one that counts by now.
  if (await isWantedAtStripe(query, customerId)) return "left";
  if (data.every(({ status }) => UNPAID.has(status))) {
    await deleteCustomer(stripe, customerId);
    return "removed";
  }
  await query("select app_private.raise_alarm('stray_customer', $1, $2, $3)", [
    customerId,
    "A second customer of this tenant has a subscription that was paid: refund or move it by hand",
    { tenant_id: tenantId },
  ]);
  return "alarmed";
}
