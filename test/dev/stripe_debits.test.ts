import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { look, press } from "./stripe_hosted.ts";
import { allEvents, makeIncomplete, makePrice, startEmulated } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const DAY = 86_400;

/** A checkout that was gone through with a bank account. */
async function checkOut({ stripe }: Emulated, card: string) {
  const price = await makePrice(stripe);
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer_email: "alice@acme.test",
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: "https://shop.test/done",
  });
  expect((await look(session.url)).html).toContain("pays in four days");
  const paid = await press(session.url, { step: "pay", card });
  expect(paid.location).toBe("https://shop.test/done");
  return session.id;
}

function see(stripe: Stripe, id: string): Promise<Stripe.Checkout.Session> {
  return stripe.checkout.sessions.retrieve(id, { expand: ["subscription", "invoice"] });
}

async function toldOf({ stripe }: Emulated): Promise<string[]> {
  const types = (await allEvents(stripe)).map((event) => event.type);
  return types.filter((type) => type.startsWith("checkout.") || type === "invoice.paid");
}

test("a debit completes checkout unpaid, and its bank pays days later", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const id = await checkOut(emulated, "pm_usBankAccount_success");
  expect(await see(stripe, id)).toMatchObject({
    status: "complete",
    payment_status: "unpaid",
    subscription: { status: "incomplete", default_payment_method: null },
    invoice: { status: "open", attempted: true },
  });
  expect(await toldOf(emulated)).toEqual(["checkout.session.completed"]);
  // The 23 hours of a first payment do not count while the bank has not answered.
  await control("advance", { seconds: 2 * DAY });
  expect(await see(stripe, id)).toMatchObject({ subscription: { status: "incomplete" } });
  await control("advance", { seconds: 3 * DAY });
  expect(await see(stripe, id)).toMatchObject({
    payment_status: "paid",
    subscription: { status: "active", default_payment_method: expect.any(String) },
    invoice: { status: "paid" },
  });
  expect(await toldOf(emulated)).toEqual([
    "checkout.session.completed",
    "invoice.paid",
    "checkout.session.async_payment_succeeded",
  ]);
});

test("a debit that fails leaves the session unpaid, and the subscription expires", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const id = await checkOut(emulated, "pm_usBankAccount_insufficientFunds");
  await control("advance", { seconds: 5 * DAY });
  expect(await see(stripe, id)).toMatchObject({
    status: "complete",
    payment_status: "unpaid",
    subscription: { status: "incomplete_expired" },
  });
  const types = (await allEvents(stripe)).map((event) => event.type);
  expect(types).toContain("invoice.payment_failed");
  expect((await toldOf(emulated)).at(-1)).toBe("checkout.session.async_payment_failed");
});

test("a bank can be made to answer now, and once", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { intent, subscription, customer } = await makeIncomplete(stripe);
  const payment_method = "pm_usBankAccount_success";
  const processing = await stripe.paymentIntents.confirm(intent, { payment_method });
  expect(processing).toMatchObject({ status: "processing" });
  await expect(
    stripe.paymentIntents.confirm(intent, { payment_method: "pm_card_visa" }),
  ).rejects.toMatchObject({ code: "payment_intent_unexpected_state" });
  await control(`payment_intents/${intent}/settle`, { outcome: "fail" });
  expect(await stripe.paymentIntents.retrieve(intent)).toMatchObject({
    status: "requires_payment_method",
  });
  await expect(control(`payment_intents/${intent}/settle`)).rejects.toThrow("waits for no bank");
  await stripe.paymentIntents.confirm(intent, { payment_method });
  await control(`payment_intents/${intent}/settle`);
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
  const { data } = await stripe.paymentMethods.list({ customer: customer.id });
  expect(data).toMatchObject([{ type: "us_bank_account", us_bank_account: { last4: "6789" } }]);
});

test("a renewal by debit keeps the subscription active until its bank says no", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { intent, subscription } = await makeIncomplete(stripe);
  await stripe.paymentIntents.confirm(intent, { payment_method: "pm_usBankAccount_success" });
  await control(`payment_intents/${intent}/settle`);
  await control("advance", { seconds: 31 * DAY + 7200 });
  const current = () =>
    stripe.subscriptions.retrieve(subscription.id, { expand: ["latest_invoice"] });
  expect(await current()).toMatchObject({ status: "active", latest_invoice: { status: "open" } });
  const { data } = await stripe.paymentIntents.list({ limit: 1 });
  expect(data).toMatchObject([{ status: "processing" }]);
  await control(`payment_intents/${data[0]?.id}/settle`, { outcome: "fail" });
  expect(await current()).toMatchObject({
    status: "past_due",
    latest_invoice: { status: "open", next_payment_attempt: expect.any(Number) },
  });
});
