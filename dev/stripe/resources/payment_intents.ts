import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { missingParameter, stateError } from "../errors.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { idOf } from "../store.ts";
import { declined } from "./charging.ts";
import { collect } from "./collection.ts";
import { usablePaymentMethod } from "./payment_methods.ts";
import { found } from "./shared.ts";

const CONFIRM = {
  client_secret: p.text,
  error_on_requires_action: p.boolean,
  off_session: p.boolean,
  payment_method: p.text,
  return_url: p.text,
  setup_future_usage: p.oneOf("off_session", "on_session", ""),
  use_stripe_sdk: p.boolean,
};
type Confirm = p.Optional<typeof CONFIRM>;

/** The endpoints under /v1/payment_intents. They are made by invoices, so there is no create. */
export const paymentIntentRoutes = [
  route(
    "GET",
    "/v1/payment_intents/:id",
    { optional: { client_secret: p.text } },
    (context, _params, id) => found(context.store.paymentIntents, "payment_intent", id),
  ),
  route("POST", "/v1/payment_intents/:id/confirm", { optional: CONFIRM }, confirm),
  route(
    "GET",
    "/v1/payment_intents",
    { optional: { ...PAGE, created, customer: p.text } },
    (context, params) => {
      const rows = [...context.store.paymentIntents.values()]
        .filter((row) => params.customer === undefined || row.customer === params.customer)
        .filter((row) => isCreatedIn(row.created, params.created));
      return page(rows, params, "/v1/payment_intents");
    },
  ),
];

function confirm(context: Context, params: Confirm, id: string): Stripe.PaymentIntent {
  const intent = found(context.store.paymentIntents, "payment_intent", id);
  if (["succeeded", "canceled", "processing"].includes(intent.status)) {
    throw stateError(
      `You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`,
      "payment_intent_unexpected_state",
    );
  }
  const invoice = invoiceOf(context, intent);
  const method = methodFor(context, intent, params);
  const offSession = params.off_session ?? false;
  const outcome = collect(context, invoice, { method, offSession, automatic: false });
  if (typeof outcome === "string") return intent;
  throw declined(context, intent, outcome, method);
}

function methodFor(context: Context, intent: Stripe.PaymentIntent, params: Confirm): string {
  if (params.payment_method !== undefined) {
    return usablePaymentMethod(context, params.payment_method, "payment_method").id;
  }
  if (intent.payment_method !== null) return idOf(intent.payment_method);
  throw missingParameter("payment_method");
}

/** The invoice that an intent collects. */
export function invoiceOf(context: Context, intent: Stripe.PaymentIntent): Stripe.Invoice {
  const payment = [...context.store.invoicePayments.values()].find(
    (each) => each.payment.payment_intent === intent.id,
  );
  const invoice =
    payment === undefined ? undefined : context.store.invoices.get(idOf(payment.invoice));
  if (invoice === undefined) throw new Error(`${intent.id} collects no invoice`);
  return invoice;
}
