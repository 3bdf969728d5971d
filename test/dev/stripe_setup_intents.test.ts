import { expect, test } from "vitest";

import { makeIncomplete, startEmulated } from "./stripe_support.ts";

test("a trial without a card waits for one, and keeps it for the renewals", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription } = await makeIncomplete(stripe, {
    trial_period_days: 1,
    expand: ["pending_setup_intent", "latest_invoice.confirmation_secret"],
  });
  const pending = subscription.pending_setup_intent;
  if (pending === null || typeof pending === "string") throw new Error("not expanded");
  expect(pending).toMatchObject({
    status: "requires_payment_method",
    customer: customer.id,
    client_secret: expect.stringContaining(`${pending.id}_secret_`),
  });
  await stripe.setupIntents.confirm(pending.id, { payment_method: "pm_card_visa" });
  await control("advance", { seconds: 86_400 + 7200 });
  const after = await stripe.subscriptions.retrieve(subscription.id, {
    expand: ["default_payment_method", "latest_invoice"],
  });
  expect(after).toMatchObject({
    status: "active",
    pending_setup_intent: null,
    default_payment_method: { card: { last4: "4242" }, customer: customer.id },
    latest_invoice: { status: "paid", amount_paid: 1900 },
  });
});

test("a card that is refused, or asks its owner, is not saved until it is good", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const customer = await stripe.customers.create();
  const intent = await stripe.setupIntents.create({
    customer: customer.id,
    usage: "off_session",
    metadata: { a: "b" },
  });
  const use = (payment_method: string) =>
    stripe.setupIntents.confirm(intent.id, { payment_method });
  await expect(use("pm_card_chargeDeclined")).rejects.toMatchObject({
    statusCode: 402,
    code: "card_declined",
    setup_intent: { id: intent.id, status: "requires_payment_method" },
  });
  const asked = await use("pm_card_authenticationRequiredOnSetup");
  expect(asked).toMatchObject({
    status: "requires_action",
    next_action: { type: "use_stripe_sdk" },
  });
  await control(`setup_intents/${intent.id}/authenticate`, { outcome: "fail" });
  expect(await stripe.setupIntents.retrieve(intent.id)).toMatchObject({
    status: "requires_payment_method",
    last_setup_error: { code: "setup_intent_authentication_failure" },
  });
  expect((await stripe.customers.listPaymentMethods(customer.id)).data).toEqual([]);
  await use("pm_card_authenticationRequiredOnSetup");
  expect(await control(`setup_intents/${intent.id}/authenticate`)).toMatchObject({
    status: "succeeded",
  });
  const [saved] = (await stripe.customers.listPaymentMethods(customer.id)).data;
  expect(saved?.card?.last4).toBe("3155");
  await expect(use("pm_card_visa")).rejects.toMatchObject({
    code: "setup_intent_unexpected_state",
  });
  // Once set up, this card pays without asking again.
  const { subscription } = await makeIncomplete(stripe, {
    customer: customer.id,
    default_payment_method: saved?.id ?? "",
    payment_behavior: "allow_incomplete",
  });
  expect(subscription.status).toBe("active");
});

test("a setup intent can be confirmed at once, listed and canceled", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const customer = await stripe.customers.create();
  const done = await stripe.setupIntents.create({
    customer: customer.id,
    confirm: true,
    payment_method: "pm_card_visa",
  });
  expect(done.status).toBe("succeeded");
  const other = await stripe.setupIntents.create({ customer: customer.id });
  const canceled = await stripe.setupIntents.cancel(other.id, {
    cancellation_reason: "abandoned",
  });
  expect(canceled).toMatchObject({ status: "canceled", cancellation_reason: "abandoned" });
  const { data } = await stripe.setupIntents.list({ customer: customer.id });
  expect(data.map((each) => each.id)).toEqual([other.id, done.id]);
});
