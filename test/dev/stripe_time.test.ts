import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import { makeActive, makeIncomplete, startEmulated } from "./stripe_support.ts";

const DAY = 86_400;

test("a subscription that nobody pays for expires after 23 hours, and not before", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription, intent } = await makeIncomplete(stripe);
  await control("advance", { seconds: 23 * 3600 - 60 });
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("incomplete");
  await control("advance", { seconds: 120 });
  const expired = await stripe.subscriptions.retrieve(subscription.id, {
    expand: ["latest_invoice"],
  });
  expect(expired).toMatchObject({
    status: "incomplete_expired",
    ended_at: subscription.created + 23 * 3600,
    latest_invoice: { status: "void" },
  });
  expect((await stripe.paymentIntents.retrieve(intent)).status).toBe("canceled");
});

test("time renews a subscription, an hour after each period's end", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription } = await makeActive(stripe);
  const [first] = subscription.items.data;
  await control("advance", { seconds: 63 * DAY });
  const [item] = (await stripe.subscriptions.retrieve(subscription.id)).items.data;
  expect(item?.id).toBe(first?.id);
  expect(item?.current_period_start).toBeGreaterThan(first?.current_period_end ?? Infinity);
  const invoices = (await stripe.invoices.list({ customer: customer.id })).data;
  expect(invoices.map((each) => [each.billing_reason, each.status])).toEqual([
    ["subscription_cycle", "paid"],
    ["subscription_cycle", "paid"],
    ["subscription_create", "paid"],
  ]);
  const [newest] = invoices;
  expect(newest?.status_transitions.finalized_at).toBe((newest?.created ?? 0) + 3600);
});

test("a failed renewal is tried again three times, and then the subscription is canceled", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription, intent } = await makeIncomplete(stripe);
  await stripe.paymentIntents.confirm(intent, { payment_method: "pm_card_chargeCustomerFail" });
  await control(`subscriptions/${subscription.id}/renew`);
  await control("advance", { seconds: 16 * DAY });
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    status: "canceled",
    cancellation_details: { reason: "payment_failed" },
  });
  const [last] = (await stripe.invoices.list({ customer: customer.id })).data;
  expect(last).toMatchObject({ status: "open", attempt_count: 4, next_payment_attempt: null });
});

test("a trial costs nothing until it ends", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeIncomplete(stripe, { trial_period_days: 14 });
  expect(subscription).toMatchObject({
    status: "trialing",
    trial_end: subscription.created + 14 * DAY,
    latest_invoice: { status: "paid", amount_due: 0, confirmation_secret: null },
  });
  const method = await stripe.paymentMethods.attach("pm_card_visa", {
    customer: idOf(subscription.customer),
  });
  await stripe.subscriptions.update(subscription.id, { default_payment_method: method.id });
  await control("advance", { seconds: 14 * DAY + 3700 });
  const paid = await stripe.subscriptions.retrieve(subscription.id, { expand: ["latest_invoice"] });
  expect(paid).toMatchObject({ status: "active", latest_invoice: { amount_paid: 1900 } });
  const warnings = await stripe.events.list({ type: "customer.subscription.trial_will_end" });
  expect(warnings.data.map((event) => event.created)).toEqual([subscription.created + 11 * DAY]);
});

test("a trial that is ended early is announced to end when it has ended, without a notice ahead", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription } = await makeIncomplete(stripe, { trial_period_days: 14 });
  const told = () => stripe.events.list({ type: "customer.subscription.trial_will_end" });
  expect((await told()).data).toEqual([]);
  const { status } = await stripe.subscriptions.update(subscription.id, { trial_end: "now" });
  expect((await told()).data).toMatchObject([
    { data: { object: { id: subscription.id, status } } },
  ]);
  expect(status).not.toBe("trialing");
});

test("a subscription set to end with its period ends then, and that can be undone before", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  const end = subscription.items.data[0]?.current_period_end;
  const change = (params: Stripe.SubscriptionUpdateParams) =>
    stripe.subscriptions.update(subscription.id, params);
  expect(await change({ cancel_at_period_end: true })).toMatchObject({ cancel_at: end });
  expect(await change({ cancel_at_period_end: false })).toMatchObject({ cancel_at: null });
  expect(await change({ cancel_at: "min_period_end" })).toMatchObject({
    cancel_at: end,
    cancel_at_period_end: false,
    status: "active",
  });
  await control("advance", { seconds: 32 * DAY });
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    status: "canceled",
    ended_at: end,
  });
});
