import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { stateError } from "../errors.ts";
import * as p from "../params.ts";
import { addInvoiceItems } from "./invoice_items.ts";
import { pauseNow } from "./paused.ts";
import { dropPending } from "./pending_updates.ts";
import { isRenewable } from "./periods_of.ts";
import { found } from "./shared.ts";
import { creditsFor } from "./subscription_change.ts";
import { invoiceRest } from "./subscription_now.ts";

/** The parameters of a pause. */
export const PAUSE = {
  bill_for: p.shape(
    {},
    {
      outstanding_usage_through: p.shape({ type: p.oneOf("none", "now") }, {}),
      unused_time_from: p.shape({ type: p.oneOf("item_current_period_start", "none", "now") }, {}),
    },
  ),
  invoicing_behavior: p.oneOf("invoice", "pending_invoice_item"),
  type: p.oneOf("subscription"),
};
type Pause = p.Optional<typeof PAUSE>;

/** Pauses a subscription at its owner's wish, with a credit for the time not used. */
export function pauseSubscription(
  context: Context,
  params: Pause,
  id: string,
): Stripe.Subscription {
  const subscription = found(context.store.subscriptions, "subscription", id);
  if (!isRenewable(subscription)) {
    throw stateError(`You cannot pause a subscription that is ${subscription.status}.`);
  }
  dropPending(context, subscription);
  addInvoiceItems(context, subscription, creditsAsked(context, subscription, params));
  pauseNow(context, subscription, "pause_requested");
  if (params.invoicing_behavior === "invoice") invoiceRest(context, subscription);
  return subscription;
}

function creditsAsked(context: Context, subscription: Stripe.Subscription, params: Pause) {
  switch (params.bill_for?.unused_time_from?.type ?? "now") {
    case "none":
      return [];
    case "item_current_period_start": {
      const starts = subscription.items.data.map((item) => item.current_period_start);
      return creditsFor(context, subscription, Math.max(...starts));
    }
    default:
      return creditsFor(context, subscription);
  }
}
