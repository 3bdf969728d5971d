/** What ends things at Stripe. Each may be repeated: what has ended is left as it is. */
import type Stripe from "stripe";

import { isMissing } from "./stripe_client.ts";

/** Deletes a customer, and with it ends all that it has. */
export async function deleteCustomer(
  stripe: Pick<Stripe, "customers">,
  customerId: string,
): Promise<void> {
  await unlessGone(stripe.customers.del(customerId));
}

/** Cancels a subscription at once. */
export async function cancelSubscription(
  stripe: Pick<Stripe, "subscriptions">,
  subscriptionId: string,
): Promise<void> {
  await unlessGone(stripe.subscriptions.cancel(subscriptionId));
}

async function unlessGone(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
