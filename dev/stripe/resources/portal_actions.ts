import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError, invalidParameter } from "../errors.ts";
import { change, emit } from "../events.ts";
import { idOf } from "../store.ts";
import { isMetered } from "./entries.ts";
import { makeSetupIntent } from "./setup_intent_draft.ts";
import { authenticateSetup, confirmSetup } from "./setup_intents.ts";
import { liveCustomer } from "./shared.ts";
import { cancelNow, isEnded } from "./subscription_lifecycle.ts";
import { updateSubscription } from "./subscription_update.ts";

type Configuration = Stripe.BillingPortal.Configuration;

/** The subscriptions of a customer that are not over. */
export function livingSubscriptions(context: Context, customer: string): Stripe.Subscription[] {
  return [...context.store.subscriptions.values()].filter(
    (each) => each.customer === customer && !isEnded(each),
  );
}

/** Ends a subscription as the configuration says. In flexible mode the end is a time. */
export function cancelInPortal(
  context: Context,
  subscription: Stripe.Subscription,
  { features }: Configuration,
): void {
  if (features.subscription_cancel.mode === "immediately") {
    cancelNow(context, subscription, "cancellation_requested");
  } else if (subscription.billing_mode.type === "flexible") {
    updateSubscription(context, { cancel_at: "min_period_end" }, subscription.id);
  } else {
    updateSubscription(context, { cancel_at_period_end: true }, subscription.id);
  }
}

/** Takes back an end that is planned. */
export function keepInPortal(context: Context, subscription: Stripe.Subscription): void {
  updateSubscription(context, { cancel_at: null }, subscription.id);
}

/** The prices that a subscription can move to: those configured, or all in its currency. */
export function choicesFor(
  context: Context,
  subscription: Stripe.Subscription,
  { features }: Configuration,
): Stripe.Price[] {
  const [item, second] = subscription.items.data;
  if (item === undefined || second !== undefined || isMetered(item.price)) return [];
  const listed = features.subscription_update.products?.flatMap((each) => each.prices);
  return [...context.store.prices.values()]
    .filter((price) => price.active && price.recurring !== null && !isMetered(price))
    .filter((price) => price.currency === subscription.currency && price.id !== item.price.id)
    .filter((price) => listed === undefined || listed.includes(price.id));
}

/** Moves a subscription to one of those prices. */
export function changePlan(
  context: Context,
  subscription: Stripe.Subscription,
  price: string,
  configuration: Configuration,
): void {
  const [item] = subscription.items.data;
  const isOffered = choicesFor(context, subscription, configuration).some(
    (each) => each.id === price,
  );
  if (item === undefined || !isOffered) {
    throw invalidParameter("price", "This plan is not among those offered.");
  }
  const items = [{ id: item.id, price }];
  const proration_behavior = prorationOf(configuration);
  updateSubscription(context, { items, proration_behavior }, subscription.id);
}

/** How the configuration has changes in the middle of a period billed. */
export function prorationOf({ features }: Configuration) {
  const asked = features.subscription_update.proration_behavior;
  const known = (["always_invoice", "create_prorations"] as const).find((each) => each === asked);
  return known ?? "none";
}

/** The setup intent that the customer's bank asks about. */
export function askedSetup(context: Context, customer: string): Stripe.SetupIntent | undefined {
  return [...context.store.setupIntents.values()].findLast(
    (each) => each.customer === customer && each.status === "requires_action",
  );
}

/** Saves a card and, unless the bank asks first, makes it the one that is charged. */
export function changeCard(context: Context, customer: string, card: string): void {
  const intent = makeSetupIntent(context, customer, "off_session");
  emit(context, "setup_intent.created", intent);
  confirmSetup(context, { payment_method: card }, intent.id);
  if (intent.status === "succeeded") makeDefault(context, customer, intent);
}

/** The customer answers the bank's question about the card. */
export function answerCard(context: Context, customer: string, answer: "pay" | "fail"): void {
  const asked = askedSetup(context, customer);
  if (asked === undefined) return;
  const intent = authenticateSetup(context, asked.id, answer);
  if (intent.status === "succeeded") makeDefault(context, customer, intent);
  else {
    const message = "We are unable to authenticate your payment method. Please choose another one.";
    throw cardError({ code: "setup_intent_authentication_failure", message });
  }
}

/** On the customer, and on subscriptions that have a card of their own, which would go first. */
function makeDefault(context: Context, id: string, intent: Stripe.SetupIntent): void {
  const method = idOf(intent.payment_method ?? "");
  const customer = liveCustomer(context.store, id);
  change(context, "customer.updated", customer, () => {
    customer.invoice_settings.default_payment_method = method;
  });
  for (const subscription of livingSubscriptions(context, id)) {
    if (subscription.default_payment_method === null) continue;
    change(context, "customer.subscription.updated", subscription, () => {
      subscription.default_payment_method = method;
    });
  }
}
