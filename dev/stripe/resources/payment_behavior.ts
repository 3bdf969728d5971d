import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError, StripeError } from "../errors.ts";
import * as p from "../params.ts";
import { idOf } from "../store.ts";
import { foresee } from "./charging.ts";
import type { Outcome } from "./charging.ts";
import { liveCustomer } from "./shared.ts";

/** What a new subscription may be told to do when its payment fails. */
export const NEW = ["default_incomplete", "allow_incomplete", "error_if_incomplete"] as const;

/** What an update may be told. */
export const paymentBehavior = p.oneOf(...NEW, "pending_if_incomplete");

/** Whether money can be had at all is settled before anything is made. */
export function refuseUnpayable(
  context: Context,
  subscription: Stripe.Subscription,
  mustPay: boolean,
): void {
  const outcome = foreseen(context, subscription);
  if (outcome === null) throw noMethod();
  if (!mustPay || outcome === "succeeded" || outcome === "processing") return;
  if (outcome !== "requires_action") throw cardError(outcome);
  const message = "This payment requires additional user action before it can be completed.";
  throw cardError({ code: "invoice_payment_intent_requires_action", message });
}

/** How charging a subscription's default method would end; null if there is none. */
export function foreseen(context: Context, subscription: Stripe.Subscription): Outcome | null {
  const method = defaultMethodOf(context, subscription);
  return method === null ? null : foresee(context, method, { offSession: true });
}

/** The payment method that a subscription's invoices are charged to. */
export function defaultMethodOf(
  context: Context,
  subscription: Stripe.Subscription,
): string | null {
  if (subscription.default_payment_method !== null) {
    return idOf(subscription.default_payment_method);
  }
  const customer = liveCustomer(context.store, idOf(subscription.customer), "customer");
  const fallback = customer.invoice_settings.default_payment_method;
  return fallback === null ? null : idOf(fallback);
}

function noMethod(): StripeError {
  return new StripeError(400, {
    type: "invalid_request_error",
    code: "resource_missing",
    message:
      "This customer has no attached payment source or default payment method. Please consider " +
      "adding a default payment method.",
  });
}
