import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";
import { markVoid } from "./invoice_states.ts";

/** How long the invoice of a resumption may stay unpaid. */
export const RESUMPTION_WINDOW = 23 * 3600;

/** A pause that ends when an invoice is paid. */
export type Resumption = {
  /** The subscription's id. */
  id: string;
  invoice: string;
  at: number;
  items: Stripe.SubscriptionItem[];
  anchor: number;
};

/** Ends a pause. */
export function resumeWith(
  context: Context,
  subscription: Stripe.Subscription,
  { id, items, anchor }: Resumption,
  status: "active" | "past_due",
): void {
  context.store.resumptions.delete(id);
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.status = status;
    subscription.items.data = items;
    subscription.billing_cycle_anchor = anchor;
    delete subscription.status_details;
  });
  emit(context, "customer.subscription.resumed", subscription);
}

/** An invoice has been paid, or given up: if a pause waited for that, it is over. */
export function resumeAfter(context: Context, invoice: Stripe.Invoice): void {
  for (const resumption of context.store.resumptions.values()) {
    const subscription = context.store.subscriptions.get(resumption.id);
    if (resumption.invoice !== invoice.id || subscription === undefined) continue;
    resumeWith(context, subscription, resumption, "active");
  }
}

/** Nobody paid: the invoice is void, and the subscription stays paused. */
export function giveUpResumption(context: Context, resumption: Resumption): void {
  const invoice = context.store.invoices.get(resumption.invoice);
  context.store.resumptions.delete(resumption.id);
  if (invoice?.status === "open") markVoid(context, invoice);
}
