import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError, missingParameter, stateError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { copy, idOf } from "../store.ts";
import { GENERIC_DECLINE, TEST_CARDS } from "../test_cards.ts";
import type { Decline } from "../test_cards.ts";
import { attach, usablePaymentMethod } from "./payment_methods.ts";
import { makeSetupIntent } from "./setup_intent_draft.ts";
import { found, liveCustomer } from "./shared.ts";

const CONFIRM = {
  client_secret: p.text,
  payment_method: p.text,
  return_url: p.text,
  use_stripe_sdk: p.boolean,
};
const CREATE = {
  ...CONFIRM,
  allowed_payment_method_types: p.list(p.oneOf("card")),
  automatic_payment_methods: p.shape(
    { enabled: p.boolean },
    { allow_redirects: p.oneOf("always", "never") },
  ),
  confirm: p.boolean,
  customer: p.text,
  description: p.text,
  metadata: p.metadata,
  usage: p.oneOf("off_session", "on_session"),
};
const REASON = p.oneOf("abandoned", "duplicate", "requested_by_customer");
const URL = "/v1/setup_intents";

/** The endpoints under /v1/setup_intents. */
export const setupIntentRoutes = [
  route("POST", URL, { optional: CREATE }, (context, params) => {
    const { customer, payment_method: method } = params;
    if (customer !== undefined) liveCustomer(context.store, customer, "customer");
    const intent = makeSetupIntent(context, customer ?? null, params.usage ?? "off_session");
    intent.description = p.textOrNull(params.description);
    intent.metadata = p.mergeMetadata({}, params.metadata);
    if (method !== undefined) {
      intent.payment_method = usablePaymentMethod(context, method, "payment_method").id;
      intent.status = "requires_confirmation";
    }
    emit(context, "setup_intent.created", intent);
    return params.confirm === true ? confirmSetup(context, {}, intent.id) : intent;
  }),
  route("GET", `${URL}/:id`, { optional: { client_secret: p.text } }, (context, _params, id) =>
    found(context.store.setupIntents, "setupintent", id),
  ),
  route("POST", `${URL}/:id/confirm`, { optional: CONFIRM }, confirmSetup),
  route(
    "POST",
    `${URL}/:id/cancel`,
    { optional: { cancellation_reason: REASON } },
    (context, params, id) => {
      const intent = unfinished(context, id, "cancel");
      intent.status = "canceled";
      intent.cancellation_reason = params.cancellation_reason ?? null;
      intent.next_action = null;
      emit(context, "setup_intent.canceled", intent);
      return intent;
    },
  ),
  route(
    "GET",
    URL,
    { optional: { ...PAGE, created, customer: p.text, payment_method: p.text } },
    (context, params) => {
      const { customer, payment_method: method } = params;
      const rows = [...context.store.setupIntents.values()]
        .filter((row) => customer === undefined || row.customer === customer)
        .filter((row) => method === undefined || row.payment_method === method)
        .filter((row) => isCreatedIn(row.created, params.created));
      return page(rows, params, URL);
    },
  ),
];

function unfinished(context: Context, id: string, verb: string): Stripe.SetupIntent {
  const intent = found(context.store.setupIntents, "setupintent", id);
  if (intent.status !== "succeeded" && intent.status !== "canceled") return intent;
  throw stateError(
    `You cannot ${verb} this SetupIntent because it has a status of ${intent.status}.`,
    "setup_intent_unexpected_state",
  );
}

/** Tries to save the payment method named, or the one that is there already. */
export function confirmSetup(
  context: Context,
  params: p.Optional<typeof CONFIRM>,
  id: string,
): Stripe.SetupIntent {
  const intent = unfinished(context, id, "confirm");
  const wanted = params.payment_method ?? idOf(intent.payment_method ?? "");
  if (wanted === "") throw missingParameter("payment_method");
  const method = usablePaymentMethod(context, wanted, "payment_method");
  intent.payment_method = method.id;
  const card = TEST_CARDS.get(context.store.cards.get(method.id)?.number ?? "");
  if (card?.decline !== undefined) throw refuse(context, intent, card.decline);
  if (card?.needsAuthentication === undefined) return succeed(context, intent);
  intent.status = "requires_action";
  intent.next_action = { type: "use_stripe_sdk", use_stripe_sdk: {} };
  emit(context, "setup_intent.requires_action", intent);
  return intent;
}

/** The customer has answered the bank's question. */
export function authenticateSetup(
  context: Context,
  id: string,
  outcome: "pay" | "fail",
): Stripe.SetupIntent {
  const intent = found(context.store.setupIntents, "setupintent", id);
  if (intent.status !== "requires_action") {
    throw stateError(`${id} waits for no authentication: it is ${intent.status}.`);
  }
  if (outcome === "pay") return succeed(context, intent);
  refuse(context, intent, { ...GENERIC_DECLINE, code: "setup_intent_authentication_failure" });
  return intent;
}

/** The method is saved, on the customer and on the subscription that waited for it. */
function succeed(context: Context, intent: Stripe.SetupIntent): Stripe.SetupIntent {
  const id = idOf(intent.payment_method ?? "");
  const method = found(context.store.paymentMethods, "PaymentMethod", id);
  const card = context.store.cards.get(id);
  if (intent.customer !== null) attach(context, method, idOf(intent.customer));
  if (card !== undefined) card.isSetUp = true;
  intent.status = "succeeded";
  intent.next_action = null;
  intent.last_setup_error = null;
  emit(context, "setup_intent.succeeded", intent);
  for (const subscription of context.store.subscriptions.values()) {
    if (subscription.pending_setup_intent !== intent.id) continue;
    const saves = subscription.payment_settings?.save_default_payment_method === "on_subscription";
    change(context, "customer.subscription.updated", subscription, () => {
      subscription.pending_setup_intent = null;
      if (saves) subscription.default_payment_method = id;
    });
  }
  return intent;
}

function refuse(context: Context, intent: Stripe.SetupIntent, decline: Decline) {
  const method = context.store.paymentMethods.get(idOf(intent.payment_method ?? ""));
  const used = method === undefined ? {} : { payment_method: copy(method) };
  intent.status = "requires_payment_method";
  intent.payment_method = null;
  intent.next_action = null;
  intent.last_setup_error = { type: "card_error", ...decline, ...used };
  emit(context, "setup_intent.setup_failed", intent);
  return cardError({ ...decline, ...used, setup_intent: copy(intent) });
}
