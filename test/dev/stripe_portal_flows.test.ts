import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { look, press } from "./stripe_hosted.ts";
import { makeActive, makeChangeable, startEmulated } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

type FlowData = Stripe.BillingPortal.SessionCreateParams.FlowData;

function open(
  { stripe }: Emulated,
  customer: string,
  flow_data: FlowData,
): Promise<Stripe.BillingPortal.Session> {
  const return_url = "https://shop.test/account";
  return stripe.billingPortal.sessions.create({ customer, return_url, flow_data });
}

test("a flow to change the card shows that task alone, and then the portal", async () => {
  await using emulated = await startEmulated();
  const { customer } = await makeActive(emulated.stripe);
  const { url } = await open(emulated, customer.id, { type: "payment_method_update" });
  const { html } = await look(url);
  expect(html).toContain("Change your payment method");
  expect(html).not.toContain("Cancel subscription");
  const asked = await press(url, { step: "card", card: "pm_card_authenticationRequiredOnSetup" });
  expect(asked.status).toBe(303);
  const question = (await look(url)).html;
  expect(question).toContain("Change your payment method");
  expect(question).toContain("3-D Secure");
  await press(url, { step: "authenticate" });
  expect((await look(url)).html).toContain("Manage your billing");
});

test("a flow to cancel leads back to where it was said to lead", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeActive(stripe);
  const { url, flow } = await open(emulated, customer.id, {
    type: "subscription_cancel",
    subscription_cancel: { subscription: subscription.id },
    after_completion: { type: "redirect", redirect: { return_url: "https://shop.test/bye" } },
  });
  expect(flow).toMatchObject({ subscription_cancel: { subscription: subscription.id } });
  expect((await look(url)).html).toContain("Cancel your subscription");
  const done = await press(url, { step: "cancel", subscription: subscription.id });
  expect(done.location).toBe("https://shop.test/bye");
  const { cancel_at, cancel_at_period_end } = await stripe.subscriptions.retrieve(subscription.id);
  expect([cancel_at, cancel_at_period_end]).toEqual([expect.any(Number), false]);
});

test("a flow to change the plan offers the plans, and ends on a page that says so", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription, larger } = await makeChangeable(emulated);
  const { url } = await open(emulated, customer.id, {
    type: "subscription_update",
    subscription_update: { subscription: subscription.id },
    after_completion: {
      type: "hosted_confirmation",
      hosted_confirmation: { custom_message: "See you" },
    },
  });
  expect((await look(url)).html).toContain(larger.id);
  await press(url, { step: "change", subscription: subscription.id, price: larger.id });
  expect((await look(url)).html).toContain("See you");
  const [item] = (await stripe.subscriptions.retrieve(subscription.id)).items.data;
  expect(item?.price.id).toBe(larger.id);
});

test("a change that was prepared is made when it is confirmed, and not before", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription, item, larger, price } = await makeChangeable(emulated);
  const { url } = await open(emulated, customer.id, {
    type: "subscription_update_confirm",
    subscription_update_confirm: {
      subscription: subscription.id,
      items: [{ id: item.id, price: larger.id, quantity: 3 }],
    },
  });
  expect((await look(url)).html).toContain("$49.00 a month");
  expect((await stripe.subscriptionItems.retrieve(item.id)).price.id).toBe(price.id);
  await press(url, { step: "confirm", subscription: subscription.id });
  const after = await stripe.subscriptionItems.retrieve(item.id);
  expect([after.price.id, after.quantity]).toEqual([larger.id, 3]);
});

test("a flow is refused for another customer's subscription, one that is over, and what is off", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeActive(stripe);
  const other = await stripe.customers.create({ name: "Mallory" });
  const flow_data: FlowData = {
    type: "subscription_cancel",
    subscription_cancel: { subscription: subscription.id },
  };
  const param = "flow_data[subscription_cancel][subscription]";
  await expect(open(emulated, other.id, flow_data)).rejects.toMatchObject({ param });
  await expect(open(emulated, customer.id, { type: "subscription_cancel" })).rejects.toMatchObject({
    code: "parameter_missing",
  });
  const { id: configuration } = await stripe.billingPortal.configurations.create({
    features: { payment_method_update: { enabled: true } },
  });
  await expect(
    stripe.billingPortal.sessions.create({ customer: customer.id, configuration, flow_data }),
  ).rejects.toMatchObject({ param: "flow_data[type]" });
  await stripe.subscriptions.cancel(subscription.id);
  await expect(open(emulated, customer.id, flow_data)).rejects.toMatchObject({ param });
});
