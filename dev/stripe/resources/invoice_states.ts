import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";
import { idOf, newId } from "../store.ts";
import { cancelIntent, createIntent } from "./charging.ts";
import { amounts } from "./invoice_draft.ts";

/** The subscription that an invoice belongs to. */
export function subscriptionOf(
  context: Context,
  invoice: Stripe.Invoice,
): Stripe.Subscription | undefined {
  const parent = invoice.parent?.subscription_details?.subscription;
  return parent === undefined ? undefined : context.store.subscriptions.get(idOf(parent));
}

/** The payment that an invoice waits for, or was paid by. */
export function paymentOf(
  context: Context,
  invoice: Stripe.Invoice,
): Stripe.InvoicePayment | undefined {
  return [...context.store.invoicePayments.values()].find((each) => each.invoice === invoice.id);
}

/** The intent that collects an invoice. */
export function intentOf(
  context: Context,
  invoice: Stripe.Invoice,
): Stripe.PaymentIntent | undefined {
  const intent = paymentOf(context, invoice)?.payment.payment_intent;
  return intent === undefined ? undefined : context.store.paymentIntents.get(idOf(intent));
}

/** The payment method a subscription's invoice is charged to when nobody names one. */
export function defaultMethod(context: Context, invoice: Stripe.Invoice): string | null {
  const own = subscriptionOf(context, invoice)?.default_payment_method ?? null;
  if (own !== null) return idOf(own);
  const customer =
    invoice.customer === null ? undefined : context.store.customers.get(idOf(invoice.customer));
  if (customer === undefined || customer.deleted === true) return null;
  const fallback = customer.invoice_settings.default_payment_method;
  return fallback === null ? null : idOf(fallback);
}

/** Draft to open: numbers the invoice and makes the intent that will collect it. */
export function finalize(context: Context, invoice: Stripe.Invoice): void {
  const now = context.clock.now();
  invoice.status = "open";
  invoice.number = nextNumber(context, invoice);
  invoice.effective_at = now;
  invoice.hosted_invoice_url = `${context.site}/i/${invoice.id}`;
  invoice.automatically_finalizes_at = null;
  invoice.status_transitions.finalized_at = now;
  settleBalance(context, invoice);
  emit(context, "invoice.finalized", invoice);
  if (invoice.amount_remaining === 0) return;
  const intent = createIntent(context, invoice, defaultMethod(context, invoice));
  const payment: Stripe.InvoicePayment = {
    id: newId("inpay"),
    object: "invoice_payment",
    amount_paid: null,
    amount_requested: invoice.amount_remaining,
    created: now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { type: "payment_intent", payment_intent: intent.id },
    status: "open",
    status_transitions: { canceled_at: null, paid_at: null },
  };
  context.store.invoicePayments.set(payment.id, payment);
}

/** Takes the customer's credit into account as it is now, and leaves them what is over. */
function settleBalance(context: Context, invoice: Stripe.Invoice): void {
  const customer =
    invoice.customer === null ? undefined : context.store.customers.get(idOf(invoice.customer));
  if (customer === undefined || customer.deleted === true) return;
  Object.assign(invoice, amounts(invoice.total, customer.balance));
  invoice.ending_balance = Math.min(0, invoice.total + customer.balance);
  change(context, "customer.updated", customer, () => {
    customer.balance = invoice.ending_balance ?? 0;
  });
}

function nextNumber(context: Context, invoice: Stripe.Invoice): string | null {
  const customer =
    invoice.customer === null ? undefined : context.store.customers.get(idOf(invoice.customer));
  if (customer === undefined || customer.deleted === true) return null;
  const sequence = customer.next_invoice_sequence ?? 1;
  customer.next_invoice_sequence = sequence + 1;
  return `${customer.invoice_prefix ?? ""}-${String(sequence).padStart(4, "0")}`;
}

/** Open to paid. Money that came past Stripe makes no `payment_succeeded`. */
export function markPaid(
  context: Context,
  invoice: Stripe.Invoice,
  by: "intent" | "nothing" | "elsewhere",
): void {
  const now = context.clock.now();
  change(context, "invoice.updated", invoice, () => {
    invoice.status = "paid";
    invoice.attempted = true;
    if (by === "intent") invoice.attempt_count += 1;
    if (by === "elsewhere") invoice.amount_paid_off_stripe = invoice.amount_remaining;
    invoice.amount_paid = invoice.amount_due;
    invoice.amount_remaining = 0;
    invoice.next_payment_attempt = null;
    invoice.status_transitions.paid_at = now;
  });
  const payment = paymentOf(context, invoice);
  if (by === "intent" && payment !== undefined) {
    payment.status = "paid";
    payment.amount_paid = payment.amount_requested;
    payment.status_transitions.paid_at = now;
    emit(context, "invoice_payment.paid", payment);
  } else {
    closePayment(context, invoice, "void_invoice");
  }
  emit(context, "invoice.paid", invoice);
  if (by !== "elsewhere") emit(context, "invoice.payment_succeeded", invoice);
}

/** An attempt to collect failed; `nextAttempt` says when the emulator tries again by itself. */
export function markFailed(
  context: Context,
  invoice: Stripe.Invoice,
  nextAttempt: number | null,
): void {
  change(context, "invoice.updated", invoice, () => {
    invoice.attempted = true;
    invoice.attempt_count += 1;
    invoice.next_payment_attempt = nextAttempt;
  });
  emit(context, "invoice.payment_failed", invoice);
}

/** Open or uncollectible to void: as if it had never been issued. */
export function markVoid(context: Context, invoice: Stripe.Invoice): void {
  change(context, "invoice.updated", invoice, () => {
    invoice.status = "void";
    invoice.next_payment_attempt = null;
    invoice.status_transitions.voided_at = context.clock.now();
  });
  closePayment(context, invoice, "void_invoice");
  emit(context, "invoice.voided", invoice);
}

/** Open to uncollectible: bad debt. It may still be paid or voided. */
export function markUncollectible(context: Context, invoice: Stripe.Invoice): void {
  change(context, "invoice.updated", invoice, () => {
    invoice.status = "uncollectible";
    invoice.next_payment_attempt = null;
    invoice.status_transitions.marked_uncollectible_at = context.clock.now();
  });
  emit(context, "invoice.marked_uncollectible", invoice);
}

/** Stops the emulator from collecting an open invoice by itself. */
export function stopCollecting(context: Context, invoice: Stripe.Invoice): void {
  change(context, "invoice.updated", invoice, () => {
    invoice.auto_advance = false;
    invoice.next_payment_attempt = null;
    invoice.automatically_finalizes_at = null;
  });
}

function closePayment(context: Context, invoice: Stripe.Invoice, reason: "void_invoice"): void {
  const payment = paymentOf(context, invoice);
  const intent = intentOf(context, invoice);
  if (payment === undefined || intent === undefined) return;
  payment.status = "canceled";
  payment.status_transitions.canceled_at = context.clock.now();
  cancelIntent(context, intent, reason);
}
