import type Stripe from "stripe";

import { paymentOf } from "./payment.ts";
import { BillingRefusal, keyOf, type BillingResult, type BillingWork } from "./request.ts";
import {
  aliveSubscription,
  isAlive,
  listSubscriptions,
  meantAmong,
  refuseScheduled,
} from "./subscription.ts";

/** Ends the subscription, now or when what is paid for is used up. Twice is once. */
export async function cancel(work: BillingWork): Promise<BillingResult> {
  const { stripe, request } = work;
  const subscriptions = await listSubscriptions(work);
  const going = subscriptions.filter((each) => isAlive(each) || each.status === "incomplete");
  const subscription = await meantAmong(work, going);
  if (subscription === undefined) {
    // Ended by an earlier attempt, or by somebody else: as was wished. Another was not meant.
    if (subscriptions.length > 0) return {};
    throw new BillingRefusal("no_subscription", "There is no subscription to cancel.");
  }
  const { id, status } = subscription;
  // Nothing is paid for yet, so there is nothing to be used up.
  if (request.at_period_end === false || status === "incomplete") {
    await stripe.subscriptions.cancel(id, {}, keyOf(request, "cancel"));
  } else if (subscription.cancel_at === null && !subscription.cancel_at_period_end) {
    refuseScheduled(subscription);
    await stripe.subscriptions.update(id, { cancel_at_period_end: true }, keyOf(request, "cancel"));
  }
  return {};
}

/** Takes back a cancellation that has not taken effect, or ends a pause. */
export async function resume(work: BillingWork): Promise<BillingResult> {
  const { stripe, request } = work;
  const subscription = await aliveSubscription(work);
  const { id, status, cancel_at, cancel_at_period_end } = subscription;
  if (cancel_at_period_end || cancel_at !== null) {
    refuseScheduled(subscription);
    // In flexible mode the portal sets a time without the flag; each is taken back as it was set.
    const taken = cancel_at_period_end
      ? { cancel_at_period_end: false }
      : ({ cancel_at: "" } as const);
    await stripe.subscriptions.update(id, taken, keyOf(request, "keep"));
  }
  if (status !== "paused") return {};
  if (isResuming(subscription)) return paymentFor(work, subscription);
  const resumed = await stripe.subscriptions.resume(
    id,
    // With an attempt that fails it would go on all the same, past due and with full access.
    { payment_behavior: "resume_on_payment_success", expand: ["latest_invoice.payments"] },
    keyOf(request, "resume"),
  );
  return resumed.status === "paused" ? paymentFor(work, resumed) : {};
}

/** Whether somebody has asked for it to go on already, which waits for a payment. */
function isResuming({ latest_invoice: invoice }: Stripe.Subscription): boolean {
  if (typeof invoice !== "object" || invoice === null) return false;
  return invoice.status === "open" && invoice.billing_reason === "subscription_update";
}

async function paymentFor(
  { stripe }: BillingWork,
  { latest_invoice: invoice }: Stripe.Subscription,
): Promise<BillingResult> {
  if (typeof invoice !== "object" || invoice === null) return {};
  const { clientSecret } = await paymentOf(stripe, invoice);
  return { client_secret: clientSecret };
}
