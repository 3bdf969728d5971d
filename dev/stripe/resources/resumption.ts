import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { stateError } from "../errors.ts";
import { change } from "../events.ts";
import * as p from "../params.ts";
import { periodAround, periodEnd } from "../periods.ts";
import { collect } from "./collection.ts";
import { discountsFor, shareLeft } from "./discounting.ts";
import { isMetered, periodEntry, remainingTime } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { announceDraft, draftInvoice } from "./invoice_draft.ts";
import { addInvoiceItems, waitingEntries } from "./invoice_items.ts";
import { finalize } from "./invoice_states.ts";
import { defaultMethodOf } from "./payment_behavior.ts";
import { intervalOf } from "./periods_of.ts";
import { resumeWith } from "./resumptions.ts";
import type { Resumption } from "./resumptions.ts";
import { found } from "./shared.ts";

/** The parameters of a resumption. */
export const RESUME = {
  billing_cycle_anchor: p.shape({ type: p.oneOf("now", "unchanged") }, {}),
  payment_behavior: p.oneOf("resume_on_payment_attempt", "resume_on_payment_success"),
  proration_behavior: p.oneOf("create_prorations", "none", "always_invoice"),
  proration_date: p.integer,
};
type Resume = p.Optional<typeof RESUME>;

/** Ends a pause: at once if there is nothing to pay, else with the payment of an invoice. */
export function resumeSubscription(
  context: Context,
  params: Resume,
  id: string,
): Stripe.Subscription {
  const subscription = found(context.store.subscriptions, "subscription", id);
  if (subscription.status !== "paused") {
    throw stateError(`You cannot resume a subscription that is ${subscription.status}.`);
  }
  if (context.store.resumptions.has(id)) {
    throw stateError("This subscription waits for the payment of its resumption invoice.");
  }
  const startsOver = params.billing_cycle_anchor?.type !== "unchanged";
  const { entries, ...planned } = startsOver
    ? startOver(context, subscription)
    : goOn(context, subscription, params);
  const resumption = { id, invoice: "", at: context.clock.now(), ...planned };
  const isInvoiced = startsOver || params.proration_behavior === "always_invoice";
  if (!isInvoiced) addInvoiceItems(context, subscription, entries);
  if (!isInvoiced || entries.every((entry) => entry.amount === 0)) {
    resumeWith(context, subscription, resumption, "active");
    return subscription;
  }
  const mustBePaid = params.payment_behavior === "resume_on_payment_success";
  payToResume(context, subscription, { resumption, entries, mustBePaid });
  return subscription;
}

type Planned = { items: Stripe.SubscriptionItem[]; anchor: number; entries: Entry[] };

/** New periods begin now, and are paid in full. */
function startOver(context: Context, subscription: Stripe.Subscription): Planned {
  const now = context.clock.now();
  const items = subscription.items.data.map((item) => ({
    ...item,
    current_period_start: now,
    current_period_end: periodEnd(now, now, intervalOf(item.price)),
  }));
  return { items, anchor: now, entries: items.map((item) => periodEntry(item)) };
}

/** The periods go on as if there had been no pause, and the rest of the present ones is paid. */
function goOn(context: Context, subscription: Stripe.Subscription, params: Resume): Planned {
  const anchor = subscription.billing_cycle_anchor;
  const at = params.proration_date ?? context.clock.now();
  const items = subscription.items.data.map((item) => {
    const { start, end } = periodAround(anchor, at, intervalOf(item.price));
    return { ...item, current_period_start: start, current_period_end: end };
  });
  const share = shareLeft(context, discountsFor(context, subscription));
  const isFree = params.proration_behavior === "none";
  const billed = items.filter((item) => !isFree && !isMetered(item.price));
  const unpaid = billed.filter((item) => !isPaid(context, subscription, item));
  return { items, anchor, entries: unpaid.map((item) => remainingTime(item, at, share)) };
}

/** True of a period that was paid before the pause, if the pause gave no credit for it. */
function isPaid(
  context: Context,
  subscription: Stripe.Subscription,
  { id, current_period_end: end }: Stripe.SubscriptionItem,
): boolean {
  const old = subscription.items.data.find((item) => item.id === id);
  const isCredited = [...context.store.invoiceItems.values()].some(
    (each) =>
      each.amount < 0 &&
      each.period.end === end &&
      each.parent?.subscription_details?.subscription_item === id,
  );
  return old?.current_period_end === end && !isCredited;
}

function payToResume(
  context: Context,
  subscription: Stripe.Subscription,
  how: { resumption: Resumption; entries: Entry[]; mustBePaid: boolean },
): void {
  const discounts = discountsFor(context, subscription);
  const entries = [...waitingEntries(context, subscription), ...how.entries];
  const invoice = change(context, "customer.subscription.updated", subscription, () => {
    const reason = "subscription_update";
    const draft = draftInvoice(context, subscription, { entries, discounts, reason });
    subscription.latest_invoice = draft.id;
    return draft;
  });
  const resumption = { ...how.resumption, invoice: invoice.id };
  context.store.resumptions.set(subscription.id, resumption);
  announceDraft(context, invoice);
  finalize(context, invoice);
  const hasMethod = defaultMethodOf(context, subscription) !== null;
  if (invoice.amount_remaining > 0 && !hasMethod) return;
  const outcome = collect(context, invoice, { offSession: true, automatic: !how.mustBePaid });
  if (outcome === "succeeded" || how.mustBePaid) return;
  resumeWith(context, subscription, resumption, "past_due");
}
