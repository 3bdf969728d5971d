import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { copy, newId } from "../store.ts";
import type { Decline } from "../test_cards.ts";
import { found } from "./shared.ts";

const LIST = { ...PAGE, created, customer: p.text, payment_intent: p.text };

/** The endpoints under /v1/charges. Intents make them, so there is no create. */
export const chargeRoutes = [
  route("GET", "/v1/charges/:id", {}, (context, _params, id) =>
    found(context.store.charges, "charge", id),
  ),
  route(
    "POST",
    "/v1/charges/:id",
    { optional: { metadata: p.metadata } },
    (context, params, id) => {
      const charge = found(context.store.charges, "charge", id);
      change(context, "charge.updated", charge, () => {
        charge.metadata = p.mergeMetadata(charge.metadata, params.metadata);
      });
      return charge;
    },
  ),
  route("GET", "/v1/charges", { optional: LIST }, (context, params) => {
    const { customer, payment_intent: intent } = params;
    const rows = [...context.store.charges.values()]
      .filter((row) => customer === undefined || row.customer === customer)
      .filter((row) => intent === undefined || row.payment_intent === intent)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/charges");
  }),
];

/** Notes an attempt to take an intent's amount from a payment method. */
export function recordCharge(
  context: Context,
  intent: Stripe.PaymentIntent,
  method: string | null,
  decline?: Decline,
): void {
  const charge = chargeOf(context, intent, method, decline);
  context.store.charges.set(charge.id, charge);
  intent.latest_charge = charge.id;
  emit(context, decline === undefined ? "charge.succeeded" : "charge.failed", charge);
}

function chargeOf(
  context: Context,
  intent: Stripe.PaymentIntent,
  method: string | null,
  decline: Decline | undefined,
): Stripe.Charge {
  const used = context.store.paymentMethods.get(method ?? "");
  const isPaid = decline === undefined;
  return {
    id: newId("ch"),
    object: "charge",
    amount: intent.amount,
    amount_captured: isPaid ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: copy(used?.billing_details ?? NOBODY),
    calculated_statement_descriptor: null,
    captured: isPaid,
    created: context.clock.now(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: copy(intent.metadata),
    on_behalf_of: null,
    outcome: outcomeOf(decline),
    paid: isPaid,
    payment_intent: intent.id,
    payment_method: method,
    payment_method_details: detailsOf(intent, used),
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: isPaid ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: null,
  };
}

const NOBODY = { address: null, email: null, name: null, phone: null, tax_id: null };

function outcomeOf(decline: Decline | undefined): Stripe.Charge.Outcome {
  const common = { advice_code: null, network_advice_code: null, network_decline_code: null };
  const risk = { risk_level: "normal", risk_score: 20 };
  if (decline === undefined) {
    const status = { network_status: "approved_by_network", reason: null, type: "authorized" };
    return { ...common, ...risk, ...status, seller_message: "Payment complete." };
  }
  const reason = decline.decline_code ?? decline.code;
  const status = { network_status: "declined_by_network", reason, type: "issuer_declined" };
  return { ...common, ...risk, ...status, seller_message: "The bank declined the payment." };
}

function detailsOf(
  { amount }: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod | undefined,
): Stripe.Charge.PaymentMethodDetails | null {
  const card = method?.card;
  if (card === undefined) return null;
  return {
    type: "card",
    card: {
      amount_authorized: amount,
      authorization_code: null,
      brand: card.brand,
      checks: card.checks,
      country: card.country,
      electronic_commerce_indicator: null,
      exp_month: card.exp_month,
      exp_year: card.exp_year,
      fingerprint: card.fingerprint ?? null,
      funding: card.funding,
      installments: null,
      last4: card.last4,
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: card.regulated_status,
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}
