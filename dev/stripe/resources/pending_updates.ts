import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";
import { copy } from "../store.ts";
import { markVoid } from "./invoice_states.ts";
import { nextRenewal } from "./periods_of.ts";

const WINDOW = 23 * 3600;

/** A change that waits for its invoice to be paid. */
export type PendingUpdate = {
  /** The subscription's id. */
  id: string;
  invoice: string;
  items: Stripe.SubscriptionItem[];
  anchor: number;
};

/** Writes a change on the subscription as pending, until its invoice is paid or time is up. */
export function suspend(
  context: Context,
  subscription: Stripe.Subscription,
  update: PendingUpdate,
): void {
  const isMoved = update.anchor !== subscription.billing_cycle_anchor;
  const { id, invoice, items, anchor } = update;
  context.store.pendingUpdates.set(id, { id, invoice, items, anchor });
  subscription.pending_update = {
    billing_cycle_anchor: isMoved ? update.anchor : null,
    cancel_at_period_end: null,
    discount: null,
    discounts: null,
    expires_at: Math.min(nextRenewal(subscription), context.clock.now() + WINDOW),
    metadata: null,
    subscription_items: copy(update.items),
    trial_end: null,
    trial_from_plan: null,
  };
}

/** True of the invoice that a pending update waits for: it does not judge the subscription. */
export function isPendingFor(context: Context, invoice: Stripe.Invoice): boolean {
  return [...context.store.pendingUpdates.values()].some((each) => each.invoice === invoice.id);
}

/** The invoice has been paid: the change is made. */
export function applyPending(context: Context, invoice: Stripe.Invoice): void {
  for (const update of context.store.pendingUpdates.values()) {
    const subscription = context.store.subscriptions.get(update.id);
    if (update.invoice !== invoice.id || subscription === undefined) continue;
    context.store.pendingUpdates.delete(update.id);
    change(context, "customer.subscription.updated", subscription, () => {
      subscription.pending_update = null;
      subscription.items.data = update.items;
      subscription.billing_cycle_anchor = update.anchor;
    });
    emit(context, "customer.subscription.pending_update_applied", subscription);
  }
}

/** Drops what waits, and voids its invoice: time is up, or another change came, or the end. */
export function dropPending(context: Context, subscription: Stripe.Subscription): void {
  const update = context.store.pendingUpdates.get(subscription.id);
  if (update === undefined) return;
  context.store.pendingUpdates.delete(subscription.id);
  const invoice = context.store.invoices.get(update.invoice);
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.pending_update = null;
  });
  emit(context, "customer.subscription.pending_update_expired", subscription);
  if (invoice?.status === "open") markVoid(context, invoice);
}
