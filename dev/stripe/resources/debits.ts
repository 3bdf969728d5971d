import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { idOf } from "../store.ts";
import { collect } from "./collection.ts";
import { intentOf } from "./invoice_states.ts";

/** Ends a payment that a bank took its time for, and tells the session that it was begun in. */
export function endDebit(
  context: Context,
  invoice: Stripe.Invoice,
  outcome?: "pay" | "fail",
): Stripe.PaymentIntent | undefined {
  const intent = intentOf(context, invoice);
  const debit = context.store.debits.get(intent?.id ?? "");
  if (intent === undefined || debit === undefined) return intent;
  context.store.debits.delete(debit.id);
  // Somebody may have voided the invoice meanwhile.
  if (intent.status !== "processing") return intent;
  intent.status = "requires_confirmation";
  const ended = collect(context, invoice, {
    method: debit.method,
    offSession: true,
    automatic: true,
    outcome: outcome ?? "settled",
  });
  const session = sessionOf(context, invoice);
  if (session === undefined) return intent;
  if (ended === "succeeded") {
    session.payment_status = "paid";
    emit(context, "checkout.session.async_payment_succeeded", session);
  } else {
    emit(context, "checkout.session.async_payment_failed", session);
  }
  return intent;
}

/** The session that was completed with this invoice's payment still to come. */
function sessionOf(context: Context, invoice: Stripe.Invoice): Stripe.Checkout.Session | undefined {
  return [...context.store.checkoutSessions.values()].find(
    (each) =>
      each.payment_status === "unpaid" &&
      each.status === "complete" &&
      idOf(each.invoice ?? "") === invoice.id,
  );
}

/** The debit that an invoice waits for. */
export function debitFor(context: Context, invoice: Stripe.Invoice): { at: number } | undefined {
  return context.store.debits.get(intentOf(context, invoice)?.id ?? "");
}

/** True of a subscription whose first payment is on its way: its 23 hours do not count. */
export function waitsForBank(context: Context, subscription: Stripe.Subscription): boolean {
  if (context.store.debits.size === 0) return false;
  const latest = context.store.invoices.get(idOf(subscription.latest_invoice ?? ""));
  return latest !== undefined && debitFor(context, latest) !== undefined;
}

/** True while a bank has not said yet whether an invoice is paid. */
export function isProcessing(context: Context, invoice: Stripe.Invoice): boolean {
  return intentOf(context, invoice)?.status === "processing";
}
