import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { stateError } from "../errors.ts";
import { change } from "../events.ts";
import { idOf } from "../store.ts";
import { finalizeAndCollect } from "./collection.ts";
import { discountsFor } from "./discounting.ts";
import { spendDiscounts } from "./discounts.ts";
import { isMetered, periodEntry, usageEntry } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { announceDraft, draftInvoice } from "./invoice_draft.ts";
import { waitingEntries } from "./invoice_items.ts";
import { holdDraft } from "./pause_collection.ts";
import { pauseNow } from "./paused.ts";
import { defaultMethodOf } from "./payment_behavior.ts";
import { endOf, isRenewable, nextRenewal } from "./periods_of.ts";
import { cancelNow } from "./subscription_lifecycle.ts";

/**
 * The periods that end now are followed by the next ones, and an invoice is drafted for them.
 * Stripe finalizes and collects it about an hour later.
 */
export function startNextPeriod(
  context: Context,
  subscription: Stripe.Subscription,
  endsNow = false,
): Stripe.Invoice {
  const discounts = discountsFor(context, subscription);
  const invoice = change(context, "customer.subscription.updated", subscription, () => {
    if (endsNow) endPeriodsNow(context, subscription);
    const entries = [
      ...waitingEntries(context, subscription),
      ...nextEntries(context, subscription),
    ];
    for (const item of dueItems(subscription)) {
      const start = item.current_period_end;
      item.current_period_start = start;
      item.current_period_end = endOf(subscription.billing_cycle_anchor, item, start);
    }
    if (subscription.status === "trialing") subscription.status = "active";
    const billed = { entries, discounts, reason: "subscription_cycle" } as const;
    const draft = draftInvoice(context, subscription, billed);
    subscription.latest_invoice = draft.id;
    holdDraft(subscription, draft);
    return draft;
  });
  announceDraft(context, invoice);
  spendDiscounts(context, subscription, invoice);
  return invoice;
}

/** The current period ends. A trial may end otherwise, if there is nothing to pay with. */
export function endPeriod(
  context: Context,
  subscription: Stripe.Subscription,
): Stripe.Invoice | undefined {
  const behavior = subscription.trial_settings?.end_behavior.missing_payment_method;
  const isUnpayable =
    subscription.status === "trialing" && defaultMethodOf(context, subscription) === null;
  if (isUnpayable && behavior === "cancel") {
    cancelNow(context, subscription, "cancellation_requested");
    return undefined;
  }
  if (isUnpayable && behavior === "pause") {
    pauseNow(context, subscription, "trial_end_without_payment_method");
    return undefined;
  }
  return startNextPeriod(context, subscription);
}

/** What the next periods will cost, and what was used in the ones that end. Changes nothing. */
export function nextEntries(context: Context, subscription: Stripe.Subscription): Entry[] {
  const isTrial = subscription.status === "trialing";
  return dueItems(subscription).flatMap((item) => {
    const { current_period_start: start, current_period_end: end } = item;
    if (isMetered(item.price)) {
      const customer = idOf(subscription.customer);
      return isTrial ? [] : [usageEntry(context, customer, item, { start, end })];
    }
    const next = endOf(subscription.billing_cycle_anchor, item, end);
    return [periodEntry({ ...item, current_period_start: end, current_period_end: next })];
  });
}

/** The items whose periods end first: usually all of them. */
function dueItems(subscription: Stripe.Subscription): Stripe.SubscriptionItem[] {
  const first = nextRenewal(subscription);
  return subscription.items.data.filter((item) => item.current_period_end === first);
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
  const invoice = startNextPeriod(context, subscription, true);
  if (invoice.auto_advance) finalizeAndCollect(context, invoice, outcome);
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
