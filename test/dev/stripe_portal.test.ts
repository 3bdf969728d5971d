import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import { look, press } from "./stripe_hosted.ts";
import { makeActive, makeChangeable, makeIncomplete, startEmulated } from "./stripe_support.ts";

const HOME = "https://shop.test/account";

async function open(
  stripe: Stripe,
  customer: string,
  more: Partial<Stripe.BillingPortal.SessionCreateParams> = {},
): Promise<string> {
  const { url } = await stripe.billingPortal.sessions.create({
    customer,
    return_url: HOME,
    ...more,
  });
  return url;
}

test("a cancellation in flexible mode sets a time and not the flag, and can be taken back", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeActive(stripe);
  const url = await open(stripe, customer.id);
  expect((await look(url)).html).toContain(`href="${HOME}"`);
  const canceled = await press(url, { step: "cancel", subscription: subscription.id });
  expect(canceled).toMatchObject({ status: 303, location: new URL(url).pathname });
  const after = await stripe.subscriptions.retrieve(subscription.id);
  expect(after).toMatchObject({
    status: "active",
    cancel_at: after.items.data[0]?.current_period_end,
    cancel_at_period_end: false,
  });
  expect((await look(url)).html).toContain("Ends on");
  await press(url, { step: "keep", subscription: subscription.id });
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    cancel_at: null,
    cancel_at_period_end: false,
  });
});

test("in classic mode the same button sets the flag", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeIncomplete(stripe, {
    billing_mode: { type: "classic" },
    trial_period_days: 7,
  });
  await press(await open(stripe, customer.id), { step: "cancel", subscription: subscription.id });
  const after = await stripe.subscriptions.retrieve(subscription.id);
  expect(after.cancel_at_period_end).toBe(true);
});

test("the plan can be changed to a price that is offered, and to no other", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription, item, larger, yearly, price } = await makeChangeable(emulated);
  const { id: configuration } = await stripe.billingPortal.configurations.create({
    features: {
      subscription_update: {
        enabled: true,
        default_allowed_updates: ["price"],
        products: [{ product: idOf(price.product), prices: [larger.id] }],
        proration_behavior: "always_invoice",
      },
    },
  });
  const url = await open(stripe, customer.id, { configuration });
  const change = (to: string) =>
    press(url, { step: "change", subscription: subscription.id, price: to });
  expect((await change(yearly.id)).status).toBe(400);
  expect((await stripe.subscriptionItems.retrieve(item.id)).price.id).toBe(price.id);
  await change(larger.id);
  expect((await stripe.subscriptionItems.retrieve(item.id)).price.id).toBe(larger.id);
  const [latest] = (await stripe.invoices.list({ customer: customer.id })).data;
  expect(latest).toMatchObject({ billing_reason: "subscription_update", status: "paid" });

  // What the configuration leaves out is neither shown nor done.
  expect((await look(url)).html).not.toContain("Cancel subscription");
  await press(url, { step: "cancel", subscription: subscription.id });
  expect((await stripe.subscriptions.retrieve(subscription.id)).cancel_at).toBeNull();
});

test("a new card takes the place of the old one once the bank agrees", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription } = await makeActive(stripe);
  const url = await open(stripe, customer.id);
  const refused = await press(url, { step: "card", card: "pm_card_chargeDeclined" });
  expect(refused.status).toBe(402);
  await press(url, { step: "card", card: "pm_card_authenticationRequiredOnSetup" });
  expect((await look(url)).html).toContain("3-D Secure");
  await press(url, { step: "authenticate" });
  const expand = ["default_payment_method", "customer.invoice_settings.default_payment_method"];
  const card = { card: { last4: "3155" } };
  expect(await stripe.subscriptions.retrieve(subscription.id, { expand })).toMatchObject({
    default_payment_method: card,
    customer: { invoice_settings: { default_payment_method: card } },
  });
});

test("an open invoice is paid there, and only one's own", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription, price } = await makeIncomplete(stripe);
  const other = await makeIncomplete(stripe, {}, price);
  const url = await open(stripe, customer.id);
  const invoiceOf = async (owner: string) =>
    (await stripe.invoices.list({ customer: owner })).data[0]?.id ?? "";
  for (const owner of [customer.id, other.customer.id]) {
    const invoice = await invoiceOf(owner);
    await press(url, { step: "pay", card: "pm_card_visa", invoice });
  }
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
  await press(url, { step: "cancel", subscription: other.subscription.id });
  expect(await stripe.subscriptions.retrieve(other.subscription.id)).toMatchObject({
    status: "incomplete",
    cancel_at: null,
  });
  expect((await look(`${emulated.url}/p/session/bps_none`)).status).toBe(404);
});
