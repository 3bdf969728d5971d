import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, stateError } from "../errors.ts";
import { change, emit } from "../events.ts";
import * as p from "../params.ts";
import { idOf } from "../store.ts";
import { cancelAtField, checkCancelAt, scheduleEnd } from "./cancellation.ts";
import { finalizeAndCollect } from "./collection.ts";
import { discountsFor } from "./discounting.ts";
import { discountsField, ownerOf, planDiscounts } from "./discount_plan.ts";
import { replaceDiscounts } from "./discounts.ts";
import { addInvoiceItems } from "./invoice_items.ts";
import { pauseCollectionField, pauseOf } from "./pause_collection.ts";
import { paymentBehavior } from "./payment_behavior.ts";
import { dropPending } from "./pending_updates.ts";
import { isRenewable } from "./periods_of.ts";
import { endPeriod } from "./renewal.ts";
import { found, future } from "./shared.ts";
import { automaticTax, paymentSettings, trialSettings } from "./subscription_create.ts";
import { ownMethod } from "./subscription_draft.ts";
import { CHANGE, planChange } from "./subscription_change.ts";
import { isEnded } from "./subscription_lifecycle.ts";
import { updateAndInvoice } from "./subscription_now.ts";

/** What the customer says about leaving. */
export const cancellationDetails = p.shape(
  {},
  {
    comment: p.text,
    feedback: p.oneOf(
      "customer_service",
      "low_quality",
      "missing_features",
      "other",
      "switched_service",
      "too_complex",
      "too_expensive",
      "unused",
      "",
    ),
  },
);
/** The parameters of an update. */
export const UPDATE = {
  ...CHANGE,
  automatic_tax: automaticTax,
  cancel_at: cancelAtField,
  cancel_at_period_end: p.boolean,
  cancellation_details: cancellationDetails,
  default_payment_method: p.text,
  description: p.text,
  discounts: discountsField,
  metadata: p.metadata,
  off_session: p.boolean,
  pause_collection: pauseCollectionField,
  payment_behavior: paymentBehavior,
  payment_settings: paymentSettings,
  trial_end: p.either(p.oneOf("now"), p.integer),
  trial_settings: trialSettings,
};
type Update = p.Optional<typeof UPDATE>;

/** Changes a subscription; all of it or, if any part is refused, none. */
export function updateSubscription(
  context: Context,
  params: Update,
  id: string,
): Stripe.Subscription {
  const subscription = found(context.store.subscriptions, "subscription", id);
  refuseEnded(subscription, params);
  // Everything that may be refused is worked out before the first change.
  const discounts =
    params.discounts === undefined
      ? discountsFor(context, subscription)
      : planDiscounts(context, params.discounts, ownerOf(subscription));
  const planned = planChange(context, subscription, params, discounts);
  checkCancelAt(context, params);
  const trialEnd = newTrialEnd(context, subscription, params);
  if (params.default_payment_method) {
    ownMethod(context, idOf(subscription.customer), params.default_payment_method);
  }
  const apply = () => {
    subscription.items.data = planned.items;
    subscription.billing_cycle_anchor = planned.anchor;
    if (trialEnd !== undefined) moveTrialEnd(subscription, trialEnd);
    if (params.discounts !== undefined) replaceDiscounts(context, subscription, discounts);
    assign(subscription, params);
    scheduleEnd(context, subscription, params);
  };
  if (isBillable(params)) dropPending(context, subscription);
  if (planned.isInvoicedNow) {
    const behavior = params.payment_behavior ?? "allow_incomplete";
    updateAndInvoice(context, subscription, { planned, discounts, behavior, apply });
  } else {
    addInvoiceItems(context, subscription, planned.prorations);
    change(context, "customer.subscription.updated", subscription, apply);
  }
  if (params.trial_end === "now" && subscription.status === "trialing") {
    endTrial(context, subscription);
  }
  return subscription;
}

/** Now, and not when it was announced to end: that is announced as well, afterwards. */
function endTrial(context: Context, subscription: Stripe.Subscription): void {
  const invoice = endPeriod(context, subscription);
  if (invoice?.auto_advance === true) finalizeAndCollect(context, invoice);
  emit(context, "customer.subscription.trial_will_end", subscription);
}

/** True of an update that takes the place of one that waits for its payment. */
function isBillable(params: Update): boolean {
  return [params.items, params.trial_end, params.billing_cycle_anchor].some(
    (each) => each !== undefined,
  );
}

function refuseEnded(subscription: Stripe.Subscription, params: Update): void {
  const allowed = new Set(["metadata", "cancellation_details", "expand"]);
  if (!isEnded(subscription) || Object.keys(params).every((name) => allowed.has(name))) return;
  throw stateError(
    "A canceled subscription can only update its cancellation_details and metadata.",
    "invalid_canceled_subscription_fields",
  );
}

function assign(subscription: Stripe.Subscription, params: Update): void {
  subscription.metadata = p.mergeMetadata(subscription.metadata, params.metadata);
  if (params.description !== undefined) {
    subscription.description = p.textOrNull(params.description);
  }
  if (params.default_payment_method !== undefined) {
    subscription.default_payment_method = p.textOrNull(params.default_payment_method);
  }
  if (params.pause_collection !== undefined) {
    subscription.pause_collection = pauseOf(params.pause_collection);
  }
  const behavior = params.trial_settings?.end_behavior.missing_payment_method;
  if (behavior !== undefined && subscription.trial_settings !== null) {
    subscription.trial_settings.end_behavior.missing_payment_method = behavior;
  }
  const settings = params.payment_settings;
  if (settings !== undefined && subscription.payment_settings !== null) {
    const { save_default_payment_method: save, payment_method_types: types } = settings;
    if (save !== undefined) subscription.payment_settings.save_default_payment_method = save;
    if (types !== undefined) subscription.payment_settings.payment_method_types = types;
  }
  const details = params.cancellation_details;
  if (details !== undefined && subscription.cancellation_details !== null) {
    const { comment, feedback } = details;
    if (comment !== undefined) subscription.cancellation_details.comment = p.textOrNull(comment);
    if (feedback !== undefined) {
      subscription.cancellation_details.feedback = p.textOrNull(feedback);
    }
  }
}

function newTrialEnd(
  context: Context,
  subscription: Stripe.Subscription,
  params: Update,
): number | undefined {
  if (params.trial_end === undefined) return undefined;
  const now = context.clock.now();
  if (params.trial_end === "now") return subscription.status === "trialing" ? now : undefined;
  if (isRenewable(subscription)) return future(params.trial_end, now, "trial_end");
  throw invalidParameter(
    "trial_end",
    `A subscription that is ${subscription.status} has no trial.`,
  );
}

/** A trial is a period of its own: the paid ones are counted from its end. */
function moveTrialEnd(subscription: Stripe.Subscription, end: number): void {
  subscription.trial_end = end;
  subscription.billing_cycle_anchor = end;
  for (const item of subscription.items.data) item.current_period_end = end;
}
