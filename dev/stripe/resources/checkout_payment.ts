import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError } from "../errors.ts";
import { emit } from "../events.ts";
import { idOf } from "../store.ts";
import type { Checkout } from "./checkout_record.ts";
import { complete, firstInvoice, soldSubscription, waitingFor } from "./checkout_state.ts";
import { authenticate, collect } from "./collection.ts";
import type { Outcome } from "./charging.ts";
import { createCustomer } from "./customers.ts";
import { usablePaymentMethod } from "./payment_methods.ts";
import { makeSetupIntent } from "./setup_intent_draft.ts";
import { authenticateSetup, confirmSetup } from "./setup_intents.ts";
import { found, liveCustomer } from "./shared.ts";
import { createSubscription } from "./subscription_create.ts";
import { isEnded } from "./subscription_lifecycle.ts";

type Session = Stripe.Checkout.Session;

/** True if nothing is due and no card is wanted for later. */
export function needsNoCard(session: Session): boolean {
  return session.amount_total === 0 && session.payment_method_collection === "if_required";
}

/** The customer presses the button. A refused card throws; a bank that asks leaves it waiting. */
export function payCheckout(context: Context, session: Session, card: string, email: string): void {
  const checkout = found(context.store.checkouts, "checkout.session", session.id);
  const customer = customerOf(context, session, checkout, email);
  if (needsNoCard(session)) {
    subscribe(context, checkout, customer ?? "");
    complete(context, session);
  } else if (session.mode === "setup" || session.amount_total === 0) {
    saveCard(context, session, checkout, card);
  } else {
    payFirst(context, session, checkout, usablePaymentMethod(context, card, "card").id);
  }
}

/** The customer answers the bank's question. */
export function answerCheckout(context: Context, session: Session, answer: "pay" | "fail"): void {
  const waiting = waitingFor(context, session);
  if (waiting === undefined) return;
  if (waiting.kind === "payment") {
    finish(context, session, authenticate(context, waiting.invoice, answer));
    return;
  }
  const intent = authenticateSetup(context, waiting.intent.id, answer);
  if (intent.status === "succeeded") afterSaved(context, session, intent);
  else throw unauthenticated();
}

function customerOf(
  context: Context,
  session: Session,
  checkout: Checkout,
  email: string,
): string | undefined {
  if (session.customer !== null) checkout.customer = idOf(session.customer);
  if (checkout.customer !== undefined) liveCustomer(context.store, checkout.customer, "customer");
  else if (session.customer_creation === "always") {
    checkout.customer = createCustomer(context, { email: session.customer_email ?? email }).id;
  }
  return checkout.customer;
}

function payFirst(context: Context, session: Session, checkout: Checkout, method: string): void {
  let subscription = soldSubscription(context, session);
  if (subscription === undefined || isEnded(subscription)) {
    subscription = subscribe(context, checkout, checkout.customer ?? "");
  }
  const invoice = firstInvoice(context, subscription);
  // A customer's credit may have paid it all.
  if (invoice?.status !== "open") complete(context, session);
  else {
    const how = { method, offSession: false, automatic: false };
    finish(context, session, collect(context, invoice, how));
  }
}

function finish(context: Context, session: Session, outcome: Outcome): void {
  if (outcome === "succeeded") complete(context, session);
  else if (outcome === "processing") complete(context, session, "unpaid");
  else if (outcome !== "requires_action") throw cardError(outcome);
}

/** Nothing is due today: the card is checked and saved before anything is sold. */
function saveCard(context: Context, session: Session, checkout: Checkout, card: string): void {
  let intent = context.store.setupIntents.get(checkout.setupIntent ?? "");
  if (intent === undefined) {
    intent = makeSetupIntent(context, checkout.customer ?? null, "off_session");
    checkout.setupIntent = intent.id;
    emit(context, "setup_intent.created", intent);
  }
  confirmSetup(context, { payment_method: card }, intent.id);
  if (intent.status === "succeeded") afterSaved(context, session, intent);
}

function afterSaved(context: Context, session: Session, intent: Stripe.SetupIntent): void {
  const checkout = found(context.store.checkouts, "checkout.session", session.id);
  if (session.mode === "subscription") {
    subscribe(context, checkout, checkout.customer ?? "", idOf(intent.payment_method ?? ""));
  }
  complete(context, session);
}

function subscribe(
  context: Context,
  checkout: Checkout,
  customer: string,
  method?: string,
): Stripe.Subscription {
  const subscription = createSubscription(context, {
    ...checkout.data,
    customer,
    items: checkout.lines.map(({ price, quantity }) => ({
      price: price?.id ?? "",
      ...(quantity === null ? {} : { quantity }),
    })),
    ...(checkout.discounts === undefined ? {} : { discounts: checkout.discounts }),
    payment_behavior: "default_incomplete",
    payment_settings: { save_default_payment_method: "on_subscription" },
    ...(method === undefined ? {} : { default_payment_method: method }),
  });
  checkout.subscription = subscription.id;
  return subscription;
}

function unauthenticated() {
  const message = "We are unable to authenticate your payment method. Please choose another one.";
  return cardError({ code: "setup_intent_authentication_failure", message });
}
