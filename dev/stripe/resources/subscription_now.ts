import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change } from "../events.ts";
import { collect } from "./collection.ts";
import { spendDiscounts } from "./discounts.ts";
import { announceDraft, composeInvoice, draftInvoice } from "./invoice_draft.ts";
import { addInvoiceItems, waitingEntries } from "./invoice_items.ts";
import { finalize } from "./invoice_states.ts";
import { foreseen, refuseUnpayable } from "./payment_behavior.ts";
import type { paymentBehavior } from "./payment_behavior.ts";
import { suspend } from "./pending_updates.ts";
import type { Change } from "./subscription_change.ts";

/** A change that is invoiced at once: what it costs, and `apply`, which makes it. */
type Update = {
  planned: Change;
  discounts: Stripe.Discount[];
  behavior: ReturnType<typeof paymentBehavior>;
  apply: () => void;
};

/** The invoice that a change would make now. Nothing is stored. */
export function previewNow(
  context: Context,
  subscription: Stripe.Subscription,
  planned: Change,
  discounts: Stripe.Discount[],
): Stripe.Invoice {
  const waiting = waitingEntries(context, subscription);
  const entries = [...waiting, ...planned.prorations, ...planned.charges];
  const reason = "subscription_update";
  return composeInvoice(context, subscription, { entries, discounts, reason });
}

/** Makes a change, its invoice, and tries to collect that. The behaviour says what comes first. */
export function updateAndInvoice(
  context: Context,
  subscription: Stripe.Subscription,
  { planned, discounts, behavior, apply }: Update,
): void {
  const { amount_due: due } = previewNow(context, subscription, planned, discounts);
  if (due > 0 && behavior === "error_if_incomplete") refuseUnpayable(context, subscription, true);
  const mustWait =
    due > 0 &&
    behavior === "pending_if_incomplete" &&
    foreseen(context, subscription) !== "succeeded";
  addInvoiceItems(context, subscription, planned.prorations);
  const invoice = change(context, "customer.subscription.updated", subscription, () => {
    const entries = [...waitingEntries(context, subscription), ...planned.charges];
    const billed = { entries, discounts, reason: "subscription_update" } as const;
    const draft = draftInvoice(context, subscription, billed);
    const { id } = subscription;
    subscription.latest_invoice = draft.id;
    if (mustWait) suspend(context, subscription, { id, invoice: draft.id, ...planned });
    else apply();
    const isUnpaid = due > 0 && behavior === "default_incomplete";
    if (isUnpaid && subscription.status === "active") subscription.status = "past_due";
    return draft;
  });
  announceDraft(context, invoice);
  spendDiscounts(context, subscription, invoice);
  finalize(context, invoice);
  if (due > 0 && behavior === "default_incomplete") return;
  collect(context, invoice, { offSession: true, automatic: true });
}

/** Bills what still waits for an invoice when a subscription has ended. */
export function invoiceRest(context: Context, subscription: Stripe.Subscription): void {
  const entries = waitingEntries(context, subscription);
  if (entries.length === 0) return;
  const reason = "subscription_update";
  const invoice = draftInvoice(context, subscription, { entries, discounts: [], reason });
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.latest_invoice = invoice.id;
  });
  announceDraft(context, invoice);
  finalize(context, invoice);
  collect(context, invoice, { offSession: true, automatic: true });
}
