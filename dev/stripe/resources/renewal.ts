import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { stateError } from "../errors.ts";
import { change } from "../events.ts";
import { periodEnd } from "../periods.ts";
import type { Interval } from "../periods.ts";
import { finalizeAndCollect } from "./collection.ts";
import { announceDraft, draftInvoice } from "./invoice_draft.ts";
import { cancelNow } from "./subscription_lifecycle.ts";

const RENEWABLE: ReadonlySet<string> = new Set(["active", "trialing", "past_due"]);

/** True of a subscription whose periods follow one another. */
export function isRenewable(subscription: Stripe.Subscription): boolean {
  return RENEWABLE.has(subscription.status);
}

/** When the first of the items' periods ends: the subscription's next invoice. */
export function nextRenewal(subscription: Stripe.Subscription): number {
  return Math.min(...subscription.items.data.map((item) => item.current_period_end));
}

/** The interval an item is billed by. */
export function intervalOf(price: Stripe.Price): Interval {
  return price.recurring ?? { interval: "month", interval_count: 1 };
}

/**
 * The periods that end now are followed by the next ones, and an invoice is drafted for them.
 * Stripe finalizes and collects it about an hour later.
 */
export function startNextPeriod(
  context: Context,
  subscription: Stripe.Subscription,
  endsNow = false,
): Stripe.Invoice {
  const invoice = change(context, "customer.subscription.updated", subscription, () => {
    if (endsNow) endPeriodsNow(context, subscription);
    const first = nextRenewal(subscription);
    const due = subscription.items.data.filter((item) => item.current_period_end === first);
    if (subscription.status === "trialing") subscription.status = "active";
    for (const item of due) {
      const interval = intervalOf(item.price);
      item.current_period_start = first;
      item.current_period_end = periodEnd(subscription.billing_cycle_anchor, first, interval);
    }
    const billed = { items: due, isTrial: false, reason: "subscription_cycle" } as const;
    const draft = draftInvoice(context, subscription, billed);
    subscription.latest_invoice = draft.id;
    return draft;
  });
  announceDraft(context, invoice);
  return invoice;
}

/** Ends the current period now, whatever the clock says, and collects the next one's invoice. */
export function renewNow(
  context: Context,
  subscription: Stripe.Subscription,
  outcome?: "pay" | "fail",
): void {
  if (!isRenewable(subscription)) {
    throw stateError(`A subscription that is ${subscription.status} does not renew.`);
  }
  if (subscription.cancel_at_period_end) {
    cancelNow(context, subscription, "cancellation_requested");
    return;
  }
  finalizeAndCollect(context, startNextPeriod(context, subscription, true), outcome);
}

/** Moves the end of every period to now and lays the grid of the next ones from there. */
function endPeriodsNow(context: Context, subscription: Stripe.Subscription): void {
  const starts = subscription.items.data.map((item) => item.current_period_start);
  // A period lasts a second at least, so that even two renewals in one second make two periods.
  const end = Math.max(context.clock.now(), Math.max(...starts) + 1);
  subscription.billing_cycle_anchor = end;
  if (subscription.status === "trialing") subscription.trial_end = end;
  for (const item of subscription.items.data) item.current_period_end = end;
}
