import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import { allEvents, makeChangeable, startEmulated } from "./stripe_support.ts";

test("an update that waits for its payment is applied when that is made, and not before", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription, item, larger } = await makeChangeable(emulated, 0);
  const use = async (method: string) => {
    const card = await stripe.paymentMethods.attach(method, { customer: customer.id });
    await stripe.subscriptions.update(subscription.id, { default_payment_method: card.id });
    return card.id;
  };
  await use("pm_card_chargeCustomerFail");
  const pending = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, price: larger.id }],
    proration_behavior: "always_invoice",
    payment_behavior: "pending_if_incomplete",
  });
  expect(pending).toMatchObject({
    status: "active",
    items: { data: [{ price: { id: item.price.id } }] },
    pending_update: { subscription_items: [{ id: item.id, price: { id: larger.id } }] },
  });
  const invoice = await stripe.invoices.retrieve(idOf(pending.latest_invoice ?? ""));
  expect(invoice.status).toBe("open");
  await stripe.invoices.pay(invoice.id, { payment_method: await use("pm_card_visa") });
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    status: "active",
    items: { data: [{ id: item.id, price: { id: larger.id } }] },
    pending_update: null,
  });
  const types = (await allEvents(stripe)).map((event) => event.type);
  expect(types).toContain("customer.subscription.pending_update_applied");
  expect(types).not.toContain("customer.subscription.pending_update_expired");
});

test("an update that nobody pays for expires after 23 hours, and with it its invoice", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription, item, larger } = await makeChangeable(emulated, 0);
  const card = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
    customer: customer.id,
  });
  const change = {
    items: [{ id: item.id, price: larger.id }],
    default_payment_method: card.id,
    proration_behavior: "always_invoice" as const,
  };
  await stripe.subscriptions.update(subscription.id, { default_payment_method: card.id });
  const error = stripe.subscriptions.update(subscription.id, {
    ...change,
    payment_behavior: "error_if_incomplete",
  });
  await expect(error).rejects.toMatchObject({ statusCode: 402, code: "card_declined" });
  expect((await stripe.invoices.list({ status: "open" })).data).toEqual([]);
  await stripe.subscriptions.update(subscription.id, {
    ...change,
    payment_behavior: "pending_if_incomplete",
  });
  await control("advance", { seconds: 23 * 3600 + 60 });
  const after = await stripe.subscriptions.retrieve(subscription.id, {
    expand: ["latest_invoice"],
  });
  expect(after).toMatchObject({
    status: "active",
    pending_update: null,
    items: { data: [{ price: { id: item.price.id } }] },
    latest_invoice: { status: "void" },
  });
  const types = (await allEvents(stripe)).map((event) => event.type);
  expect(types).toContain("customer.subscription.pending_update_expired");

  const allowed = await stripe.subscriptions.update(subscription.id, change);
  expect(allowed).toMatchObject({
    status: "past_due",
    items: { data: [{ price: { id: larger.id } }] },
  });
});
