import type { Task } from "graphile-worker";
import type Stripe from "stripe";

import { stripeIdFrom } from "./payload.ts";
import { cancelSubscription, deleteCustomer } from "./stripe_removal.ts";
import { isWantedAtStripe } from "./stripe_wanted.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_discard: { stripe_id: string };
    }
  }
}

/** Removes what was made beside another, unless it has come to be what a tenant counts on. */
export function stripeDiscard(
  stripe: Pick<Stripe, "customers" | "subscriptions">,
): Task<"stripe_discard"> {
  return async function run(payload, { query }) {
    const stripeId = stripeIdFrom(payload, "stripe_id", "cus", "sub");
    if (await isWantedAtStripe(query, stripeId)) return;
    if (stripeId.startsWith("sub_")) await cancelSubscription(stripe, stripeId);
    else await deleteCustomer(stripe, stripeId);
  };
}
