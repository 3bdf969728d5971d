/** Whom events are about that don't say so: all thin ones, and disputes and their like. */
import type { Stripe } from "stripe";

import { hintOf } from "../../server/stripe_event_hint.ts";
import { customerOfEvent, type EventReader } from "../../tasks/stripe_event_customer.ts";
import { deliver, foundSubscriber, thinAbout } from "../support/deliveries.ts";
import { thinOf } from "../../dev/stripe/thin.ts";
import { expect } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

function kept({ pool }: Workshop, id: string) {
  return rowOf(
    pool,
    "select status, customer_id, reason from app_private.stripe_events where id = $1",
    [id],
  );
}

/** The customer, as the task is told of the event. */
function asked(stripe: EventReader, event: object) {
  const hint = hintOf(event);
  if (hint === undefined) throw new Error("Not an event");
  return customerOfEvent(stripe, {
    eventId: hint.id,
    objectType: hint.objectType,
    objectId: hint.objectId,
    chargeId: null,
  });
}

/** Much of what a customer can do; events of many types come of it. */
async function live({ stripe }: Workshop, customer: string, subscription: string): Promise<void> {
  const { id: card } = await stripe.paymentMethods.create({
    type: "card",
    card: { token: "tok_visa" },
  });
  await stripe.paymentMethods.attach(card, { customer });
  await stripe.customers.update(customer, { name: "Renamed" });
  await stripe.setupIntents.create({ customer, payment_method: "pm_card_visa", confirm: true });
  const { data } = await stripe.prices.list({ lookup_keys: ["starter_month"] });
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer,
    line_items: [{ price: data[0]?.id ?? "", quantity: 1 }],
    success_url: "https://app.example.com",
  });
  await stripe.checkout.sessions.expire(session.id);
  await stripe.subscriptions.cancel(subscription);
}

test("a thin event leads to the customer that its snapshot twin names, whatever it is about", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const { customer, subscription } = await foundSubscriber(workshop, "pm_card_createDispute");
  await live(workshop, customer, subscription);
  const routes = await rowsOf<{ type: string }>(
    pool,
    "select type from app_private.stripe_event_routes() where target = 'customer'",
  );
  const routed = new Set(routes.map(({ type }) => type));
  const events = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 1000 });
  const seen = new Set<string>();
  for (const event of events.filter(({ type }) => routed.has(type))) {
    const thin = thinOf(event);
    const hint = hintOf(thin);
    expect(hint).toMatchObject({ id: event.id, type: event.type });
    // A customer's own events name them, so nobody is asked.
    expect(hint?.customerId ?? (await asked(stripe, thin)), event.type).toBe(customer);
    seen.add(event.type);
  }
  expect([...seen]).toEqual(
    expect.arrayContaining([
      "charge.dispute.created",
      "charge.dispute.funds_withdrawn",
      "checkout.session.expired",
      "customer.subscription.created",
      "customer.subscription.deleted",
      "customer.subscription.updated",
      "customer.updated",
      "invoice.finalized",
      "invoice.paid",
      "invoice.payment_succeeded",
      "payment_method.attached",
      "setup_intent.succeeded",
    ]),
  );
});

test("a refund leads to the customer through its charge", async ({ workshop }) => {
  const { stripe } = workshop;
  const { customer } = await foundSubscriber(workshop);
  const { data } = await stripe.charges.list({ customer });
  const refund = await stripe.refunds.create({ charge: data[0]?.id ?? "" });
  const about = { id: refund.id, type: "refund" };
  expect(await asked(stripe, thinAbout("refund.failed", about))).toBe(customer);
});

test.for([
  ["subscription_schedule", { customer: "cus_1" }],
  ["radar.early_fraud_warning", { charge: "ch_1" }],
  ["entitlements.active_entitlement_summary", { customer: "cus_1" }],
  ["invoice", { customer: "cus_1" }],
] as const)(
  "a thin event about a %s that can't be asked for leads to it by the event itself",
  async ([type, object]) => {
    const asked_for: string[] = [];
    const stripe = {
      events: {
        retrieve: async (id: string) => {
          asked_for.push(id);
          return { data: { object: { object: type, ...object } } };
        },
      },
      charges: { retrieve: async () => ({ object: "charge", customer: "cus_1" }) },
    } as unknown as Stripe;
    const event = { eventId: "evt_1", objectType: type, objectId: null, chargeId: null };
    expect(await customerOfEvent(stripe, event)).toBe("cus_1");
    expect(asked_for).toEqual(["evt_1"]);
  },
);

test("a thin event without a twin is processed by the object it names", async ({ workshop }) => {
  const { customer, subscription } = await foundSubscriber(workshop);
  const related = { id: subscription, type: "subscription" };
  const event = thinAbout("customer.subscription.active", related);
  expect(await deliver(workshop, event)).toBe("pending");
  await workshop.settle();
  expect(await kept(workshop, event.id)).toEqual({
    status: "processed",
    customer_id: customer,
    reason: null,
  });
});

test("an event about something that our account does not have is foreign", async ({ workshop }) => {
  for (const event of [
    thinAbout("invoice.paid", { id: "in_of_others", type: "invoice" }),
    thinAbout("invoice.upcoming"),
  ]) {
    await deliver(workshop, event);
    await workshop.settle();
    expect(await kept(workshop, event.id)).toEqual({
      status: "foreign",
      customer_id: null,
      reason: "About something that our account does not have",
    });
  }
});

test("an event about no customer is ignored", async ({ workshop }) => {
  const intent = await workshop.stripe.setupIntents.create({
    payment_method: "pm_card_visa",
    confirm: true,
  });
  const event = thinAbout("setup_intent.succeeded", { id: intent.id, type: "setup_intent" });
  await deliver(workshop, event);
  await workshop.settle();
  expect(await kept(workshop, event.id)).toEqual({
    status: "ignored",
    customer_id: null,
    reason: "About no customer",
  });
});

test("a failure to ask is no answer: the event waits for another try", async ({ workshop }) => {
  const { customer, subscription } = await foundSubscriber(workshop);
  const related = { id: subscription, type: "subscription" };
  const event = thinAbout("customer.subscription.unpaid", related);
  await deliver(workshop, event);
  const path = `/v1/subscriptions/${subscription}`;
  await workshop.control("faults", { kind: "500_before", method: "GET", path });
  await workshop.settle();
  expect(await kept(workshop, event.id)).toMatchObject({
    status: "processed",
    customer_id: customer,
  });
});
