/** The schemas held to objects that Stripe itself wrote, one API version ago. */
import { expect, inject, test } from "vitest";

import { openContract } from "../support/stripe_contract/contract.ts";
import { stripeFixtures } from "../support/stripe_fixtures.ts";

const contract = openContract(inject("stripeContract").schemas);
const fixtures = stripeFixtures();

type Fixture = Record<string, unknown>;

/** How an object is read, and what has come to it or gone from it since. */
const KINDS: Record<string, [key: string, toNow?: (object: Fixture) => object]> = {
  coupon: ["GET /v1/coupons/:"],
  customer: ["GET /v1/customers/:"],
  payment_method: ["GET /v1/payment_methods/:"],
  price: ["GET /v1/prices/:"],
  promotion_code: ["GET /v1/promotion_codes/:"],
  refund: ["GET /v1/refunds/:"],
  "test_helpers.test_clock": ["GET /v1/test_helpers/test_clocks/:"],
  webhook_endpoint: ["GET /v1/webhook_endpoints/:"],
  product: ["GET /v1/products/:", (object) => ({ ...object, tax_details: null })],
  invoice: ["GET /v1/invoices/:", (object) => without(object, "subscription")],
  setup_intent: ["GET /v1/setup_intents/:", withTypes],
  "checkout.session": ["GET /v1/checkout/sessions/:", withTypes],
  payment_intent: [
    "GET /v1/payment_intents/:",
    (object) => ({ ...withTypes(without(object, "transfer_data")), payment_record: null }),
  ],
};

function without(object: Fixture, field: string): Fixture {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== field));
}

function withTypes(object: Fixture): object {
  return { ...object, allowed_payment_method_types: null };
}

test.skipIf(fixtures === undefined)("objects of Stripe's own fit, but for what is new", () => {
  const verdicts = Object.entries(KINDS).map(([name, [key, toNow]]) => {
    const fixture: Fixture = { ...fixtures?.[name] };
    const before = contract.response(key, 200, fixture);
    const now = toNow === undefined ? before : contract.response(key, 200, toNow(fixture));
    return [name, before === undefined, now];
  });
  expect(verdicts).toEqual(
    Object.entries(KINDS).map(([name, [, toNow]]) => [name, toNow === undefined, undefined]),
  );
});
