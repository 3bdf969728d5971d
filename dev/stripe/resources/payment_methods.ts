import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError, invalidParameter, missingResource, stateError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { idOf, newId } from "../store.ts";
import { cardDetails, STATIC_METHODS, TEST_CARDS } from "../test_cards.ts";
import { accountDetails, TEST_DEBITS } from "../test_debits.ts";
import { address, found, fullAddress, liveCustomer } from "./shared.ts";

const card = p.shape(
  { number: p.text, exp_month: p.integer, exp_year: p.integer },
  { cvc: p.text },
);
const billingDetails = p.shape(
  {},
  { address, email: p.text, name: p.text, phone: p.text, tax_id: p.text },
);
const CREATE = {
  required: { type: p.oneOf("card") },
  optional: {
    card: p.either(p.shape({ token: p.text }, {}), card),
    billing_details: billingDetails,
    metadata: p.metadata,
    allow_redisplay: p.oneOf("always", "limited", "unspecified"),
  },
};
/** Those that are asked for most; there are only cards and bank accounts to be found. */
const methodType = p.oneOf("card", "link", "paypal", "sepa_debit", "us_bank_account");
const LIST = { ...PAGE, customer: p.text, type: methodType };

/** The endpoints under /v1/payment_methods. */
export const paymentMethodRoutes = [
  route("POST", "/v1/payment_methods", CREATE, (context, params) => {
    const number = cardNumber(params.card);
    const { exp_month: month = 12, exp_year: year = 2034 } =
      params.card !== undefined && "number" in params.card ? params.card : {};
    const method = makeMethod(context, number, { month, year });
    const details = params.billing_details ?? {};
    method.billing_details = {
      address: fullAddress(details.address),
      email: p.textOrNull(details.email),
      name: p.textOrNull(details.name),
      phone: p.textOrNull(details.phone),
      tax_id: p.textOrNull(details.tax_id),
    };
    method.metadata = p.mergeMetadata({}, params.metadata);
    method.allow_redisplay = params.allow_redisplay ?? "unspecified";
    return method;
  }),
  route("GET", "/v1/payment_methods/:id", {}, (context, _params, id) =>
    usablePaymentMethod(context, id, "id"),
  ),
  route(
    "POST",
    "/v1/payment_methods/:id/attach",
    { required: { customer: p.text } },
    (context, params, id) => {
      const customer = liveCustomer(context.store, params.customer, "customer");
      const method = usablePaymentMethod(context, id, "id");
      attach(context, method, customer.id);
      return method;
    },
  ),
  route("POST", "/v1/payment_methods/:id/detach", {}, (context, _params, id) => {
    const method = found(context.store.paymentMethods, "PaymentMethod", id);
    if (method.customer === null) {
      throw stateError(
        "The payment method you provided is not attached to a customer so detachment is impossible.",
      );
    }
    detach(context, method);
    return method;
  }),
  route("GET", "/v1/payment_methods", { optional: LIST }, (context, params) =>
    page(methodsOf(context, params.customer, params.type), params, "/v1/payment_methods"),
  ),
  route(
    "GET",
    "/v1/customers/:id/payment_methods",
    { optional: { ...PAGE, type: methodType } },
    (context, params, id) => {
      liveCustomer(context.store, id);
      const url = `/v1/customers/${id}/payment_methods`;
      return page(methodsOf(context, id, params.type), params, url);
    },
  ),
];

function methodsOf(context: Context, customer: string | undefined, type: string | undefined) {
  return [...context.store.paymentMethods.values()]
    .filter((row) => row.customer !== null && row.customer === (customer ?? row.customer))
    .filter((row) => type === undefined || row.type === type);
}

function cardNumber(given: ReturnType<typeof CREATE.optional.card> | undefined): string {
  if (given === undefined) throw invalidParameter("card", "Missing required param: card.");
  const number =
    "token" in given
      ? STATIC_METHODS.get(given.token.replace(/^tok_/, "pm_card_"))
      : given.number.replaceAll(/[\s-]/g, "");
  if (number === undefined || !TEST_CARDS.has(number)) {
    throw cardError({
      code: "incorrect_number",
      param: "number",
      message: "Your card number is incorrect: the emulator knows Stripe's test cards only.",
    });
  }
  return number;
}

/** The payment method with this id; for `pm_card_visa` and its like, a new one with that card. */
export function usablePaymentMethod(
  context: Context,
  id: string,
  param: string,
): Stripe.PaymentMethod {
  const number = STATIC_METHODS.get(id);
  if (number !== undefined) return makeMethod(context, number, { month: 12, year: 2034 });
  const method = context.store.paymentMethods.get(id);
  if (method === undefined) throw missingResource("PaymentMethod", id, param);
  return method;
}

function makeMethod(
  context: Context,
  number: string,
  expiry: { month: number; year: number },
): Stripe.PaymentMethod {
  const isAccount = TEST_DEBITS.has(number);
  const method: Stripe.PaymentMethod = {
    id: newId("pm"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    ...(isAccount
      ? { us_bank_account: accountDetails(number) }
      : { card: cardDetails(number, expiry) }),
    created: context.clock.now(),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: isAccount ? "us_bank_account" : "card",
  };
  context.store.paymentMethods.set(method.id, method);
  context.store.cards.set(method.id, { id: method.id, number });
  return method;
}

/** Saves a card on a customer. A card that is always refused is refused here already. */
export function attach(context: Context, method: Stripe.PaymentMethod, customer: string): void {
  if (method.customer === customer) return;
  if (method.customer !== null) {
    throw stateError("The payment method you provided has already been attached to a customer.");
  }
  const number = context.store.cards.get(method.id)?.number ?? "";
  const decline = TEST_CARDS.get(number)?.decline;
  if (decline !== undefined) throw cardError({ ...decline, payment_method: method });
  method.customer = customer;
  emit(context, "payment_method.attached", method);
}

/** Takes a card away from its customer, and from wherever it was the default. */
export function detach(context: Context, method: Stripe.PaymentMethod): void {
  const { store } = context;
  const owner = method.customer === null ? "" : idOf(method.customer);
  const customer = store.customers.get(owner);
  for (const subscription of store.subscriptions.values()) {
    if (subscription.default_payment_method !== method.id) continue;
    change(context, "customer.subscription.updated", subscription, () => {
      subscription.default_payment_method = null;
    });
  }
  if (customer !== undefined && customer.deleted !== true) {
    change(context, "customer.updated", customer, () => {
      const settings = customer.invoice_settings;
      if (settings.default_payment_method === method.id) settings.default_payment_method = null;
    });
  }
  method.customer = null;
  emit(context, "payment_method.detached", method, { customer: owner });
}
