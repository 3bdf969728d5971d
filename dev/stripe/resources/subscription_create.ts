import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError, StripeError } from "../errors.ts";
import { emit } from "../events.ts";
import * as p from "../params.ts";
import { idOf } from "../store.ts";
import { foresee } from "./charging.ts";
import { collect } from "./collection.ts";
import { announceDraft, draftInvoice } from "./invoice_draft.ts";
import { finalize } from "./invoice_states.ts";
import { liveCustomer } from "./shared.ts";
import { draftSubscription } from "./subscription_draft.ts";
import { newItem } from "./subscription_items.ts";

/** How the subscription remembers to pay. */
export const paymentSettings = p.shape(
  {},
  {
    payment_method_types: p.list(p.oneOf("card")),
    save_default_payment_method: p.oneOf("on_subscription", "off"),
  },
);
const billingMode = p.shape(
  { type: p.oneOf("flexible", "classic") },
  { flexible: p.shape({}, { proration_discounts: p.oneOf("included", "itemized") }) },
);
/** No taxes are calculated, so they can only be declined. */
export const automaticTax = p.shape({ enabled: p.oneOf("false") }, {});
const trialSettings = p.shape(
  { end_behavior: p.shape({ missing_payment_method: p.oneOf("create_invoice") }, {}) },
  {},
);

/** The parameters of a new subscription. */
export const CREATE = {
  required: { customer: p.text, items: p.list(newItem) },
  optional: {
    automatic_tax: automaticTax,
    billing_mode: billingMode,
    cancel_at: p.integer,
    cancel_at_period_end: p.boolean,
    collection_method: p.oneOf("charge_automatically"),
    currency: p.text,
    default_payment_method: p.text,
    description: p.text,
    metadata: p.metadata,
    off_session: p.boolean,
    payment_behavior: p.oneOf("default_incomplete", "allow_incomplete", "error_if_incomplete"),
    payment_settings: paymentSettings,
    proration_behavior: p.oneOf("create_prorations", "none", "always_invoice"),
    trial_end: p.either(p.oneOf("now"), p.integer),
    trial_period_days: p.integer,
    trial_settings: trialSettings,
  },
};
/** Those parameters, read. */
export type CreateParams = p.Decoded<typeof CREATE.required, typeof CREATE.optional>;

/** Creates a subscription with its first invoice and, unless told to wait, tries to collect it. */
export function createSubscription(context: Context, params: CreateParams): Stripe.Subscription {
  const subscription = draftSubscription(context, params);
  const isTrial = subscription.trial_end !== null;
  const due = isTrial ? 0 : amountOf(subscription);
  if (isTrial) subscription.status = "trialing";
  else if (due === 0) subscription.status = "active";
  const behavior = params.payment_behavior ?? "allow_incomplete";
  if (due > 0 && behavior !== "default_incomplete") {
    refuseUnpayable(context, subscription, behavior === "error_if_incomplete");
  }
  context.store.subscriptions.set(subscription.id, subscription);
  const reason = "subscription_create";
  const billed = { items: subscription.items.data, isTrial, reason } as const;
  const invoice = draftInvoice(context, subscription, billed);
  subscription.latest_invoice = invoice.id;
  emit(context, "customer.subscription.created", subscription);
  announceDraft(context, invoice);
  finalize(context, invoice);
  if (due === 0 || behavior !== "default_incomplete") {
    collect(context, invoice, { offSession: true, automatic: true });
  }
  return subscription;
}

/** Whether money can be had at all is settled before anything is made. */
function refuseUnpayable(
  context: Context,
  subscription: Stripe.Subscription,
  mustPay: boolean,
): void {
  const method = defaultMethodOf(context, subscription);
  if (method === null) {
    throw new StripeError(400, {
      type: "invalid_request_error",
      code: "resource_missing",
      message:
        "This customer has no attached payment source or default payment method. Please consider " +
        "adding a default payment method.",
    });
  }
  const outcome = foresee(context, method, { offSession: true });
  if (!mustPay || outcome === "succeeded") return;
  if (outcome !== "requires_action") throw cardError(outcome);
  const message = "This payment requires additional user action before it can be completed.";
  throw cardError({ code: "subscription_payment_intent_requires_action", message });
}

function defaultMethodOf(context: Context, subscription: Stripe.Subscription): string | null {
  if (subscription.default_payment_method !== null) {
    return idOf(subscription.default_payment_method);
  }
  const customer = liveCustomer(context.store, idOf(subscription.customer), "customer");
  const fallback = customer.invoice_settings.default_payment_method;
  return fallback === null ? null : idOf(fallback);
}

function amountOf(subscription: Stripe.Subscription): number {
  return subscription.items.data.reduce(
    (sum, item) => sum + (item.price.unit_amount ?? 0) * (item.quantity ?? 1),
    0,
  );
}
