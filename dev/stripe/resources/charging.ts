import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError } from "../errors.ts";
import type { StripeError } from "../errors.ts";
import { emit } from "../events.ts";
import { copy, newId, randomText } from "../store.ts";
import { GENERIC_DECLINE, TEST_CARDS } from "../test_cards.ts";
import type { Decline } from "../test_cards.ts";
import { DEBIT_TAKES, TEST_DEBITS } from "../test_debits.ts";
import { recordCharge } from "./charges.ts";

/**
 * How a charge is made: with the customer there or not, and whether its end is dictated. A debit
 * that its bank has `settled` ends as its account does.
 */
export type Manner = { offSession: boolean; outcome?: "pay" | "fail" | "settled" };

/** How a charge ended. */
export type Outcome = "succeeded" | "requires_action" | "processing" | Decline;

/** Makes the intent that collects an invoice's amount. */
export function createIntent(
  context: Context,
  invoice: Stripe.Invoice,
  method: string | null,
): Stripe.PaymentIntent {
  const id = newId("pi");
  const intent: Stripe.PaymentIntent = {
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount: invoice.amount_remaining,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic",
    client_secret: `${id}_secret_${randomText(25)}`,
    confirmation_method: "automatic",
    created: context.clock.now(),
    currency: invoice.currency,
    customer: invoice.customer,
    customer_account: null,
    description:
      invoice.billing_reason === "subscription_create"
        ? "Subscription creation"
        : "Subscription update",
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: method,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ["card"],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: "off_session",
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: method === null ? "requires_payment_method" : "requires_confirmation",
    transfer_group: null,
  };
  context.store.paymentIntents.set(id, intent);
  emit(context, "payment_intent.created", intent);
  return intent;
}

/** What charging this payment method would come to; changes nothing. */
export function foresee(context: Context, method: string | null, manner: Manner): Outcome {
  if (manner.outcome === "pay") return "succeeded";
  const onFile = context.store.cards.get(method ?? "");
  const debit = TEST_DEBITS.get(onFile?.number ?? "");
  if (debit !== undefined && manner.outcome === undefined) return "processing";
  if (debit !== undefined) return debit.decline ?? settledAs(manner);
  const card = TEST_CARDS.get(onFile?.number ?? "");
  if (manner.outcome === "fail" || card === undefined) return GENERIC_DECLINE;
  const decline = card.decline ?? (manner.offSession ? card.offSessionDecline : undefined);
  if (decline !== undefined) return decline;
  const isKnown = card.authenticatesOnce === true && onFile?.isSetUp === true;
  return card.needsAuthentication === true && !isKnown ? "requires_action" : "succeeded";
}

/** A good account pays, unless its bank is told not to. */
function settledAs({ outcome }: Manner): Outcome {
  return outcome === "fail" ? GENERIC_DECLINE : "succeeded";
}

/** Charges the payment method and brings the intent to the state that follows. */
export function charge(
  context: Context,
  intent: Stripe.PaymentIntent,
  method: string | null,
  manner: Manner,
): Outcome {
  const outcome = foresee(context, method, manner);
  if (outcome === "succeeded") {
    succeed(context, intent, method);
  } else if (outcome === "requires_action") {
    intent.payment_method = method;
    intent.status = "requires_action";
    intent.next_action = { type: "use_stripe_sdk", use_stripe_sdk: {} };
    emit(context, "payment_intent.requires_action", intent);
  } else if (outcome === "processing") {
    process(context, intent, method);
  } else {
    refuse(context, intent, method, outcome);
  }
  return outcome;
}

/** The bank will answer in some days. */
function process(context: Context, intent: Stripe.PaymentIntent, method: string | null): void {
  intent.payment_method = method;
  intent.status = "processing";
  intent.last_payment_error = null;
  intent.next_action = null;
  const at = context.clock.now() + DEBIT_TAKES;
  context.store.debits.set(intent.id, { id: intent.id, method: method ?? "", at });
  emit(context, "payment_intent.processing", intent);
}

function succeed(context: Context, intent: Stripe.PaymentIntent, method: string | null): void {
  intent.payment_method = method;
  intent.status = "succeeded";
  intent.amount_received = intent.amount;
  intent.last_payment_error = null;
  intent.next_action = null;
  recordCharge(context, intent, method);
  emit(context, "payment_intent.succeeded", intent);
}

/** The payment method drops out of a refused intent; what was wrong stays in its last error. */
function refuse(
  context: Context,
  intent: Stripe.PaymentIntent,
  method: string | null,
  decline: Decline,
): void {
  const used = context.store.paymentMethods.get(method ?? "");
  intent.status = "requires_payment_method";
  intent.payment_method = null;
  intent.next_action = null;
  intent.last_payment_error = {
    type: "card_error",
    ...decline,
    ...(used === undefined ? {} : { payment_method: copy(used) }),
  };
  recordCharge(context, intent, method, decline);
  emit(context, "payment_intent.payment_failed", intent);
}

/** The 402 that tells the caller of a refused charge. */
export function declined(
  context: Context,
  intent: Stripe.PaymentIntent,
  decline: Decline,
  method: string | null,
): StripeError {
  const used = context.store.paymentMethods.get(method ?? "");
  return cardError({
    ...decline,
    payment_intent: copy(intent),
    ...(used === undefined ? {} : { payment_method: copy(used) }),
  });
}

/** Ends an intent that nobody will pay any more. */
export function cancelIntent(
  context: Context,
  intent: Stripe.PaymentIntent,
  reason: "void_invoice" | "failed_invoice",
): void {
  if (intent.status === "succeeded" || intent.status === "canceled") return;
  intent.status = "canceled";
  intent.canceled_at = context.clock.now();
  intent.cancellation_reason = reason;
  intent.next_action = null;
  emit(context, "payment_intent.canceled", intent);
}
