import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, stateError } from "../errors.ts";
import { change } from "../events.ts";
import * as p from "../params.ts";
import { idOf } from "../store.ts";
import { finalizeAndCollect } from "./collection.ts";
import { isRenewable, nextRenewal, startNextPeriod } from "./renewal.ts";
import { found, future } from "./shared.ts";
import { automaticTax, paymentSettings } from "./subscription_create.ts";
import { ownMethod } from "./subscription_draft.ts";
import { changeItems, itemChange } from "./subscription_items.ts";
import { isEnded } from "./subscription_lifecycle.ts";

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
  automatic_tax: automaticTax,
  cancel_at: p.emptyable(p.either(p.oneOf("min_period_end", "max_period_end"), p.integer)),
  cancel_at_period_end: p.boolean,
  cancellation_details: cancellationDetails,
  default_payment_method: p.text,
  description: p.text,
  items: p.list(itemChange),
  metadata: p.metadata,
  off_session: p.boolean,
  payment_behavior: p.oneOf("default_incomplete", "allow_incomplete", "error_if_incomplete"),
  payment_settings: paymentSettings,
  proration_behavior: p.oneOf("create_prorations", "none", "always_invoice"),
  proration_date: p.integer,
  trial_end: p.either(p.oneOf("now"), p.integer),
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
  const items =
    params.items === undefined ? undefined : changeItems(context, subscription, params.items);
  if (typeof params.cancel_at === "number") {
    future(params.cancel_at, context.clock.now(), "cancel_at");
  }
  const trialEnd = newTrialEnd(context, subscription, params);
  if (params.default_payment_method) {
    ownMethod(context, idOf(subscription.customer), params.default_payment_method);
  }
  change(context, "customer.subscription.updated", subscription, () => {
    if (items !== undefined) subscription.items.data = items;
    if (trialEnd !== undefined) moveTrialEnd(subscription, trialEnd);
    assign(subscription, params);
    schedule(context, subscription, params);
  });
  if (params.trial_end === "now" && subscription.status === "trialing") {
    finalizeAndCollect(context, startNextPeriod(context, subscription));
  }
  return subscription;
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

/** Plans the end of a subscription, or takes that plan back. */
function schedule(context: Context, subscription: Stripe.Subscription, params: Update): void {
  const isAsked = params.cancel_at !== undefined || params.cancel_at_period_end !== undefined;
  if (!isAsked) return;
  const at = cancelAt(subscription, params);
  subscription.cancel_at_period_end = params.cancel_at_period_end ?? false;
  subscription.cancel_at = at;
  subscription.canceled_at = at === null ? null : context.clock.now();
  if (subscription.cancellation_details !== null) {
    subscription.cancellation_details.reason = at === null ? null : "cancellation_requested";
  }
}

function cancelAt(subscription: Stripe.Subscription, params: Update): number | null {
  if (params.cancel_at_period_end === true) return nextRenewal(subscription);
  if (params.cancel_at === "min_period_end") return nextRenewal(subscription);
  if (params.cancel_at === "max_period_end") {
    return Math.max(...subscription.items.data.map((item) => item.current_period_end));
  }
  return params.cancel_at ?? null;
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
