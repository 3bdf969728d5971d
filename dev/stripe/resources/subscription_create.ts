import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import * as p from "../params.ts";
import { cancelAtField, checkCancelAt, scheduleEnd } from "./cancellation.ts";
import { collect } from "./collection.ts";
import { discountsField, ownerOf, planDiscounts } from "./discount_plan.ts";
import { redeem, spendDiscounts } from "./discounts.ts";
import { periodEntry } from "./entries.ts";
import { announceDraft, composeInvoice, draftInvoice } from "./invoice_draft.ts";
import { finalize } from "./invoice_states.ts";
import { defaultMethodOf, NEW, refuseUnpayable } from "./payment_behavior.ts";
import { makeSetupIntent } from "./setup_intent_draft.ts";
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
/** How prorations and discounts are billed. */
export const billingMode = p.shape(
  { type: p.oneOf("flexible", "classic") },
  { flexible: p.shape({}, { proration_discounts: p.oneOf("included", "itemized") }) },
);
/** No taxes are calculated, so they can only be declined. */
export const automaticTax = p.shape({ enabled: p.oneOf("false") }, {});
/** What a trial does when it ends and there is nothing to pay with. */
export const trialSettings = p.shape(
  {
    end_behavior: p.shape(
      { missing_payment_method: p.oneOf("cancel", "create_invoice", "pause") },
      {},
    ),
  },
  {},
);

/** The parameters of a new subscription. */
export const CREATE = {
  required: { customer: p.text, items: p.list(newItem) },
  optional: {
    automatic_tax: automaticTax,
    billing_mode: billingMode,
    cancel_at: cancelAtField,
    cancel_at_period_end: p.boolean,
    collection_method: p.oneOf("charge_automatically"),
    currency: p.text,
    default_payment_method: p.text,
    description: p.text,
    discounts: discountsField,
    metadata: p.metadata,
    off_session: p.boolean,
    payment_behavior: p.oneOf(...NEW),
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
  checkCancelAt(context, params);
  scheduleEnd(context, subscription, params);
  const isTrial = subscription.trial_end !== null;
  const discounts = planDiscounts(context, params.discounts, ownerOf(subscription));
  const entries = subscription.items.data.map((item) => periodEntry(item, isTrial));
  const billed = { entries, discounts, reason: "subscription_create" } as const;
  const { amount_due: due } = composeInvoice(context, subscription, billed);
  if (isTrial) subscription.status = "trialing";
  else if (due === 0) subscription.status = "active";
  const behavior = params.payment_behavior ?? "allow_incomplete";
  if (due > 0 && behavior !== "default_incomplete") {
    refuseUnpayable(context, subscription, behavior === "error_if_incomplete");
  }
  context.store.subscriptions.set(subscription.id, subscription);
  redeem(context, discounts);
  if (due === 0 && defaultMethodOf(context, subscription) === null) {
    const setup = makeSetupIntent(context, params.customer, "off_session");
    emit(context, "setup_intent.created", setup);
    subscription.pending_setup_intent = setup.id;
  }
  subscription.discounts = discounts.map((each) => each.id);
  const invoice = draftInvoice(context, subscription, billed);
  subscription.latest_invoice = invoice.id;
  emit(context, "customer.subscription.created", subscription);
  announceDraft(context, invoice);
  spendDiscounts(context, subscription, invoice);
  finalize(context, invoice);
  if (due === 0 || behavior !== "default_incomplete") {
    collect(context, invoice, { offSession: true, automatic: true });
  }
  return subscription;
}
