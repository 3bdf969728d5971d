import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import {
  allEvents,
  intentOf,
  makeActive,
  makeIncomplete,
  makePrice,
  startEmulated,
} from "./stripe_support.ts";

test("a subscription lives from incomplete over active and past_due to canceled", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription, intent } = await makeIncomplete(stripe);
  const status = async () => (await stripe.subscriptions.retrieve(subscription.id)).status;
  expect(subscription.status).toBe("incomplete");

  const paid = await stripe.paymentIntents.confirm(intent, { payment_method: "pm_card_visa" });
  expect(paid).toMatchObject({ status: "succeeded", amount_received: 1900 });
  expect(await status()).toBe("active");

  await control(`subscriptions/${subscription.id}/renew`, { outcome: "fail" });
  expect(await status()).toBe("past_due");
  const [open] = (await stripe.invoices.list({ customer: customer.id, status: "open" })).data;
  expect(open).toMatchObject({
    billing_reason: "subscription_cycle",
    attempt_count: 1,
    amount_remaining: 1900,
    parent: { subscription_details: { subscription: subscription.id } },
  });
  expect(open?.next_payment_attempt).toBeGreaterThan(open?.created ?? 0);

  expect(await stripe.invoices.pay(open?.id ?? "")).toMatchObject({
    status: "paid",
    amount_paid: 1900,
  });
  expect(await status()).toBe("active");

  const canceled = await stripe.subscriptions.cancel(subscription.id);
  expect(canceled).toMatchObject({
    status: "canceled",
    cancellation_details: { reason: "cancellation_requested" },
  });
  await expect(stripe.subscriptions.cancel(subscription.id)).rejects.toMatchObject({
    code: "resource_missing",
    statusCode: 404,
  });
});

test("the events of a first payment come in Stripe's order, each with the state of its moment", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  await makeActive(stripe);
  const events = await allEvents(stripe);
  expect(events.map((event) => event.type)).toEqual([
    "product.created",
    "price.created",
    "customer.created",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "payment_method.attached",
    "invoice.updated",
    "invoice_payment.paid",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
  ]);
  const times = events.map((event) => event.created);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const states = events
    .filter((event) => /^(invoice|customer\.subscription)\./.test(event.type))
    .map(({ type, data }) => [type, "status" in data.object ? data.object.status : null]);
  expect(states).toEqual([
    ["customer.subscription.created", "incomplete"],
    ["invoice.created", "draft"],
    ["invoice.finalized", "open"],
    ["invoice.updated", "paid"],
    ["invoice.paid", "paid"],
    ["invoice.payment_succeeded", "paid"],
    ["customer.subscription.updated", "active"],
  ]);
  expect(events.at(-1)?.data.previous_attributes).toMatchObject({ status: "incomplete" });
});

test("a declined card leaves the subscription incomplete, and a good one then pays it", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription, intent } = await makeIncomplete(stripe);
  const bad = { payment_method: "pm_card_chargeDeclined" };
  await expect(stripe.paymentIntents.confirm(intent, bad)).rejects.toMatchObject({
    statusCode: 402,
    rawType: "card_error",
    code: "card_declined",
    decline_code: "generic_decline",
    payment_intent: { id: intent, status: "requires_payment_method" },
  });
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("incomplete");
  await stripe.paymentIntents.confirm(intent, { payment_method: "pm_card_visa" });
  const paid = await stripe.subscriptions.retrieve(subscription.id, {
    expand: ["default_payment_method"],
  });
  expect(paid).toMatchObject({
    status: "active",
    default_payment_method: { card: { last4: "4242" }, customer: paid.customer },
  });
});

test("a card that fails off session pays the first invoice and not the next", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription, intent } = await makeIncomplete(stripe);
  const method = await stripe.paymentMethods.create({
    type: "card",
    card: { number: "4000000000000341", exp_month: 1, exp_year: 2040 },
  });
  await stripe.paymentIntents.confirm(intent, { payment_method: method.id });
  const renewed = await control(`subscriptions/${subscription.id}/renew`);
  expect(renewed).toMatchObject({ status: "past_due" });
});

test("a card that needs authentication waits for the customer", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription, intent } = await makeIncomplete(stripe);
  const asked = await stripe.paymentIntents.confirm(intent, {
    payment_method: "pm_card_authenticationRequired",
  });
  expect(asked).toMatchObject({
    status: "requires_action",
    next_action: { type: "use_stripe_sdk" },
  });
  expect(await control(`payment_intents/${intent}/authenticate`)).toMatchObject({
    status: "succeeded",
  });
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
});

test("voiding the latest invoice takes a subscription out of past_due", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  await control(`subscriptions/${subscription.id}/renew`, { outcome: "fail" });
  const overdue = await stripe.subscriptions.retrieve(subscription.id);
  await stripe.invoices.voidInvoice(idOf(overdue.latest_invoice ?? ""));
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
});

test("a changed plan keeps its item, and an item without an id is another one", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { price, subscription } = await makeActive(stripe);
  const bigger = await stripe.prices.create({
    product: idOf(price.product),
    currency: "usd",
    unit_amount: 9900,
    recurring: { interval: "month" },
  });
  const [item] = subscription.items.data;
  const changed = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item?.id ?? "", price: bigger.id, quantity: 3 }, { price: price.id }],
  });
  expect(changed.items.data).toMatchObject([
    { id: item?.id, price: { id: bigger.id }, quantity: 3 },
    { price: { id: price.id }, quantity: 1 },
  ]);
  const again = { items: [{ price: price.id }] };
  await expect(stripe.subscriptions.update(subscription.id, again)).rejects.toMatchObject({
    statusCode: 400,
    param: "items[0][price]",
  });
});

test("without default_incomplete the default card is charged at once", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const subscribe = async (
    method: string,
    payment_behavior: "allow_incomplete" | "error_if_incomplete",
  ) => {
    const customer = await stripe.customers.create({ payment_method: method });
    const [saved] = (await stripe.customers.listPaymentMethods(customer.id)).data;
    return stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: saved?.id ?? "",
      payment_behavior,
    });
  };
  expect((await subscribe("pm_card_visa", "allow_incomplete")).status).toBe("active");
  const failing = "pm_card_chargeCustomerFail";
  expect((await subscribe(failing, "allow_incomplete")).status).toBe("incomplete");
  await expect(subscribe(failing, "error_if_incomplete")).rejects.toMatchObject({
    statusCode: 402,
    code: "card_declined",
  });
  expect((await stripe.subscriptions.list({ status: "all" })).data).toHaveLength(2);
});

test("deleting a customer cancels its subscriptions and leaves a stub", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeActive(stripe);
  await stripe.customers.del(customer.id);
  const { lastResponse: _sent, ...stub } = await stripe.customers.retrieve(customer.id);
  expect(stub).toEqual({ id: customer.id, object: "customer", deleted: true });
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("canceled");
  expect((await stripe.customers.list()).data).toEqual([]);
  const update = stripe.customers.update(customer.id, { name: "Gone" });
  await expect(update).rejects.toMatchObject({ statusCode: 404, code: "resource_missing" });
  expect((await allEvents(stripe)).slice(-4).map((event) => event.type)).toContain(
    "customer.subscription.deleted",
  );
});

test("the client secret of an unpaid invoice names the intent that pays it", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription } = await makeIncomplete(stripe);
  const expanded = await stripe.subscriptions.retrieve(subscription.id, {
    expand: ["latest_invoice.confirmation_secret", "latest_invoice.payments"],
  });
  const intent = intentOf(expanded);
  expect(expanded.latest_invoice).toMatchObject({
    payments: {
      data: [{ status: "open", payment: { type: "payment_intent", payment_intent: intent } }],
    },
  });
  const payments = await stripe.invoicePayments.list({
    payment: { type: "payment_intent", payment_intent: intent },
  });
  expect(payments.data).toMatchObject([{ invoice: idOf(expanded.latest_invoice ?? "") }]);
});

test("ten items come along with a subscription, in answers and events, and all are listed", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { id: customer } = await stripe.customers.create();
  const items: { price: string }[] = [];
  while (items.length < 11) {
    const { id } = await makePrice(stripe);
    await stripe.prices.update(id, { lookup_key: "" });
    items.push({ price: id });
  }
  const made = await stripe.subscriptions.create({
    customer,
    items,
    payment_behavior: "default_incomplete",
  });
  const [event] = (await stripe.events.list({ type: "customer.subscription.created" })).data;
  const { data: listed } = await stripe.subscriptions.list({ customer });
  const { items: retrieved } = await stripe.subscriptions.retrieve(made.id);
  const first = items.slice(0, 10).map((price) => ({ price: { id: price.price } }));
  for (const along of [made.items, retrieved, listed[0]?.items]) {
    expect(along).toMatchObject({ has_more: true, data: first });
  }
  expect(event?.data.object).toMatchObject({ items: { has_more: true, data: first } });
  const all = await stripe.subscriptionItems.list({ subscription: made.id, limit: 100 });
  expect(all.has_more).toBe(false);
  expect(all.data.map(({ price }) => ({ price: price.id }))).toEqual(items);
  expect(await stripe.subscriptionItems.list({ subscription: made.id })).toMatchObject({
    has_more: true,
    data: first,
  });
});
