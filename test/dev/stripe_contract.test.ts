/** That the schemas made of the SDK's types catch what they are there to catch. */
import type { Stripe } from "stripe";
import { describe, expect, inject, test } from "vitest";

import { ROUTES } from "../../dev/stripe/routes.ts";
import { endpointKey, openContract } from "../support/stripe_contract/contract.ts";
import { makeRecorder } from "../support/stripe_contract/recording.ts";
import { makeTally } from "../support/stripe_contract/tally.ts";
import { allEvents, makeActive, startEmulated } from "./stripe_support.ts";

const contract = openContract(inject("stripeContract").schemas);

/** A subscription as the emulator answers it, as plain JSON, to be spoiled. */
const subscription = JSON.stringify(await aSubscription());

async function aSubscription(): Promise<Stripe.Subscription> {
  await using emulated = await startEmulated();
  const { subscription: made } = await makeActive(emulated.stripe);
  const expand = ["customer", "latest_invoice.payments"];
  return await emulated.stripe.subscriptions.retrieve(made.id, { expand });
}
// oxlint-disable-next-line typescript/no-explicit-any -- it is spoiled in ways no type allows.
type Json = any;

test("every endpoint of the emulator is one that the SDK calls", () => {
  const routes = ROUTES.map(({ method, path }) => endpointKey(method, path));
  expect(routes.filter((key) => !contract.endpoints.has(key))).toEqual([]);
  // The SDK's own table, read from its code: nothing of it may get lost unseen.
  expect(contract.endpoints.size).toBeGreaterThan(500);
  expect(contract.eventTypes.size).toBeGreaterThan(250);
});

describe("an answer is caught", () => {
  const retrieve = "GET /v1/subscriptions/:";
  const spoilers: [string, (subscription: Json) => void, string][] = [
    ["without a required field", (s) => delete s.billing_mode, "/ must have required property"],
    ["with a field of an older version", (s) => (s.current_period_end = 1), "additional propert"],
    ["with a status that nobody knows", (s) => (s.status = "asleep"), "/status must be equal"],
    ["with text for a number", (s) => (s.created = "1"), "/created must be number"],
    ["with null where there is always something", (s) => (s.metadata = null), "/metadata must be"],
    [
      "with a wrong word deep in a list",
      (s) => (s.items.data[0].price.recurring.interval = "fortnight"),
      "/items/data/0/price/recurring/interval must be equal",
    ],
    [
      "with a fault in an expanded object",
      (s) => delete s.customer.invoice_settings,
      "/customer must have required property 'invoice_settings'",
    ],
    [
      "with another object than the one that may be expanded",
      (s) => (s.latest_invoice = s.customer),
      "/latest_invoice must",
    ],
    [
      "with a fault in a list within an expanded object",
      (s) => (s.latest_invoice.payments.data[0].payment.type = "cash"),
      "/latest_invoice/payments/data/0/payment/type must be equal",
    ],
    [
      "with a number for a decimal",
      (s) => (s.items.data[0].price.unit_amount_decimal = 1),
      "decimal",
    ],
  ];

  test.each(spoilers)("%s", (_name, spoil, complaint) => {
    const answer: Json = JSON.parse(subscription);
    expect(contract.response(retrieve, 200, answer)).toBeUndefined();
    spoil(answer);
    expect(contract.response(retrieve, 200, answer)).toContain(complaint);
  });

  test("that is a stub of something deleted and has more, or less, than that", () => {
    const stub = { id: "cus_1", object: "customer", deleted: true };
    const key = "GET /v1/customers/:";
    expect(contract.response(key, 200, stub)).toBeUndefined();
    expect(contract.response(key, 200, { ...stub, email: null })).toContain("additional propert");
    expect(contract.response(key, 200, { id: "cus_1", object: "customer" })).toContain("required");
  });

  test("that is a list and says too little of itself", () => {
    const list = { object: "list", data: [], url: "/v1/customers", has_more: false };
    expect(contract.response("GET /v1/customers", 200, list)).toBeUndefined();
    const { has_more: _, ...less } = list;
    expect(contract.response("GET /v1/customers", 200, less)).toContain("has_more");
    expect(contract.response("GET /v1/customers/search", 200, list)).toContain("next_page");
  });

  test("that refuses in other words than Stripe's", () => {
    const refusal = (error: object) => contract.response(retrieve, 400, { error });
    const good = { type: "invalid_request_error", code: "parameter_missing", message: "No" };
    expect(refusal(good)).toBeUndefined();
    expect(refusal({ ...good, type: "user_error" })).toContain("/error/type");
    expect(refusal({ ...good, code: "oops" })).toContain("/error/code");
    expect(refusal({ ...good, reason: "x" })).toContain("additional propert");
  });
});

describe("a request is caught", () => {
  const create = "POST /v1/subscriptions";
  const good = { customer: "cus_1", items: [{ price: "price_1", quantity: "2" }] };
  const cases: [string, string, object, string][] = [
    ["with a removed parameter", create, { ...good, coupon: "half" }, "coupon"],
    [
      "with the payment method types of older versions",
      "POST /v1/checkout/sessions",
      { mode: "subscription", payment_method_types: ["card"] },
      "payment_method_types",
    ],
    [
      "with a word that is not Stripe's",
      create,
      { ...good, payment_behavior: "try" },
      "/payment_b",
    ],
    ["with text for a number", create, { ...good, trial_end: "soon" }, "/trial_end"],
    ["with text for a boolean", create, { ...good, off_session: "yes" }, "/off_session"],
    ["with a typing error in a list", create, { ...good, items: [{ prize: "x" }] }, "prize"],
    ["with something unset that can't be", create, { ...good, items: "" }, "/items"],
    ["without a required parameter", "POST /v1/prices", { unit_amount: "1" }, "currency"],
    [
      "with the billing cycle anchor of older versions",
      "POST /v1/subscriptions/:",
      { billing_cycle_anchor: "now" },
      "/billing_cycle_anchor",
    ],
  ];

  test.each(cases)("%s", (_name, key, params, complaint) => {
    expect(contract.request(create, good)).toBeUndefined();
    expect(contract.request(key, params)).toContain(complaint);
  });

  test("but not where the parameter may be unset, or be one of several kinds", () => {
    const update = "POST /v1/subscriptions/:";
    const fine = [
      { metadata: "" },
      { metadata: { a: "" } },
      { trial_end: "now" },
      { trial_end: "1800000000" },
      { cancel_at: "" },
      { cancel_at: "min_period_end" },
      { billing_cycle_anchor: { type: "now" } },
    ];
    expect(fine.map((params) => contract.request(update, params))).toEqual(
      fine.map(() => undefined),
    );
  });
});

describe("an event is caught", () => {
  test("of an unknown type, around another object, or with unknown previous attributes", async () => {
    await using emulated = await startEmulated();
    const { stripe } = emulated;
    await makeActive(stripe);
    const events = await allEvents(stripe);
    const updated = events.find(({ type }) => type === "customer.subscription.updated");
    const other = events.find(({ type }) => type === "invoice.paid");
    const good = JSON.parse(JSON.stringify(updated)) as Stripe.Event;
    expect(contract.event(good)).toBeUndefined();
    expect(contract.event({ ...good, type: "customer.upset" })).toContain("no event");
    expect(contract.event({ ...good, data: other?.data })).toContain("/data/object");
    const data = { ...good.data, previous_attributes: { current_period_end: 1 } };
    expect(contract.event({ ...good, data })).toContain("/data/previous_attributes");
    expect(contract.event({ ...good, api_version: 5 })).toContain("/api_version");
  });
});

test("the recorder reports a bad answer, a bad request of ours and a bad event", () => {
  const route = ROUTES.find(({ path }) => path === "/v1/customers/:id");
  if (route === undefined) throw new Error("no route");
  const tally = makeTally();
  const recorder = makeRecorder(tally);
  const body = JSON.stringify({ id: "cus_1", object: "customer", deleted: true });
  const exchange = { route, params: {}, client: "Stripe/v1 Rowhouse", status: 200, body };
  recorder.answered(exchange);
  expect(tally.takeViolations()).toEqual([]);
  recorder.answered({ ...exchange, body: "{}" });
  recorder.answered({ ...exchange, params: { coupon: "x" } });
  // Another client may ask for what Stripe refuses, as long as the emulator refuses it, too.
  const refusal = { status: 400, body: '{"error":{"type":"invalid_request_error"}}' };
  recorder.answered({ ...exchange, ...refusal, client: "Test", params: { coupon: "x" } });
  recorder.answered({ ...exchange, client: "Test", params: { coupon: "x" } });
  recorder.answered({ ...exchange, route: { ...route, path: "/v1/clients" } });
  recorder.published(JSON.parse('{ "type": "customer.upset" }'));
  expect(tally.takeViolations()).toEqual([
    expect.stringContaining("GET /v1/customers/: answered 200: /"),
    expect.stringContaining("GET /v1/customers/: was asked: / must NOT have additional"),
    expect.stringContaining("GET /v1/customers/: was asked: / must NOT have additional"),
    "The emulator answers GET /v1/clients, which the SDK never calls",
    "The event customer.upset: There is no event customer.upset",
  ]);
  expect(tally.takeCounts()).toMatchObject({
    requests: { "GET /v1/customers/:": 3 },
    responses: { "GET /v1/customers/:": 5 },
  });
  expect(tally.takeCounts()).toEqual({ requests: {}, responses: {}, events: {} });
});

test("S57: the recorder reports an update of ours that leaves out which item it is about", () => {
  const route = ROUTES.find(({ path }) => path === "/v1/subscriptions/:id");
  if (route === undefined) throw new Error("no route");
  const tally = makeTally();
  const recorder = makeRecorder(tally);
  const refusal = { status: 400, body: '{"error":{"type":"invalid_request_error"}}' };
  const asks = (client: string, params: Record<string, unknown>) => {
    const update = { ...route, method: "POST" as const };
    recorder.answered({ route: update, params, client: `Stripe/v1 ${client}`, ...refusal });
    return tally.takeViolations();
  };
  const [known, added] = [{ id: "si_1", price: "price_1" }, { price: "price_2" }];
  expect(asks("Rowhouse", { items: [known] })).toEqual([]);
  expect(asks("Rowhouse", { cancel_at: "" })).toEqual([]);
  // In the dashboard, say, items are added as well.
  expect(asks("Test", { items: [known, added] })).toEqual([]);
  expect(asks("Rowhouse", { items: [known, added] })).toEqual([
    "POST /v1/subscriptions/: was asked: an item without its id",
  ]);
});
