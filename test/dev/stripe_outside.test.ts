import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import {
  allEvents,
  makeActive,
  makeCardholder,
  makeIncomplete,
  makePrice,
  startEmulated,
} from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const DAY = 86_400;

/** The charge of an active subscription's first payment. */
async function makeCharge({ stripe }: Emulated) {
  const made = await makeActive(stripe);
  const intent = await stripe.paymentIntents.retrieve(made.intent);
  return { ...made, charge: idOf(intent.latest_charge ?? "") };
}

async function monthly(stripe: Stripe): Promise<Stripe.Price> {
  const [price] = (await stripe.prices.list({ lookup_keys: ["pro_month"] })).data;
  return price ?? makePrice(stripe);
}

/** A subscription whose renewal has failed for the last time. */
async function giveUp(emulated: Emulated, after_retries: string) {
  const { stripe, control } = emulated;
  await control("settings", { after_retries });
  const customer = await makeCardholder(stripe, "pm_card_chargeCustomerFail");
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: (await monthly(stripe)).id }],
    trial_period_days: 1,
  });
  await control("advance", { seconds: 17 * DAY });
  return stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] });
}

test("after the last retry a subscription ends, or stays as the account has chosen", async () => {
  await using emulated = await startEmulated();
  expect(await giveUp(emulated, "cancel")).toMatchObject({
    status: "canceled",
    cancellation_details: { reason: "payment_failed" },
  });
  expect(await giveUp(emulated, "past_due")).toMatchObject({
    status: "past_due",
    latest_invoice: { status: "open", next_payment_attempt: null },
  });
  expect(await giveUp(emulated, "unpaid")).toMatchObject({ status: "unpaid", ended_at: null });
  expect(await giveUp(emulated, "pause")).toMatchObject({
    status: "paused",
    status_details: { paused: { subscription: { type: "final_payment_failure" } } },
    latest_invoice: { status: "open" },
  });
  await expect(emulated.control("settings", { after_retries: "x" })).rejects.toThrow(/after_/);
});

test("an unpaid subscription gets drafts, and is active when the latest of them is paid", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { id } = await giveUp(emulated, "unpaid");
  await control("advance", { seconds: 31 * DAY });
  const { data } = await stripe.invoices.list({ subscription: id });
  expect(data.map(({ status, auto_advance: advances }) => [status, advances])).toEqual([
    ["draft", false],
    ["open", true],
    ["paid", true],
  ]);
  await stripe.invoices.pay(data[1]?.id ?? "", { payment_method: "pm_card_visa" });
  expect((await stripe.subscriptions.retrieve(id)).status).toBe("unpaid");
  await stripe.invoices.finalizeInvoice(data[0]?.id ?? "");
  await stripe.invoices.pay(data[0]?.id ?? "", { payment_method: "pm_card_visa" });
  expect((await stripe.subscriptions.retrieve(id)).status).toBe("active");
});

test("a dispute names its charge and no customer, and ends the subscription if that was chosen", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const kept = await makeCharge(emulated);
  await control(`charges/${kept.charge}/dispute`);
  expect((await stripe.subscriptions.retrieve(kept.subscription.id)).status).toBe("active");
  await control("settings", { on_dispute: "cancel" });
  const { id } = (await makeIncomplete(stripe, {}, kept.price)).subscription;
  const invoice = (await stripe.invoices.list({ subscription: id })).data[0]?.id ?? "";
  await stripe.invoices.pay(invoice, { payment_method: "pm_card_createDispute" });
  await expect
    .poll(() => stripe.subscriptions.retrieve(id))
    .toMatchObject({
      status: "canceled",
      cancellation_details: { reason: "payment_disputed" },
    });
  const disputes = (await allEvents(stripe)).filter((event) => event.type.includes(".dispute."));
  expect(disputes.map((event) => event.type)).toEqual([
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
  ]);
  for (const event of disputes) expect(event.data.object).not.toHaveProperty("customer");
});

test("an early fraud warning names its charge and no customer", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { charge, intent } = await makeCharge(emulated);
  const warning = (await control(`charges/${charge}/early_fraud_warning`)) as { id: string };
  const seen = await stripe.radar.earlyFraudWarnings.retrieve(warning.id);
  expect(seen).toMatchObject({ charge, payment_intent: intent, actionable: true });
  const last = (await allEvents(stripe)).at(-1);
  expect(last).toMatchObject({ type: "radar.early_fraud_warning.created", data: { object: seen } });
  await expect(control("charges/ch_none/early_fraud_warning")).rejects.toThrow("404");
});

/** The announcements of invoices so far. */
async function announced(stripe: Stripe): Promise<Stripe.Event[]> {
  return (await stripe.events.list({ type: "invoice.upcoming" })).data;
}

test("an invoice is announced a week ahead, once, and without an id", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription, customer } = await makeActive(stripe);
  const end = subscription.items.data[0]?.current_period_end ?? 0;
  const until = end - subscription.created - 7 * DAY;
  await control("advance", { seconds: until - 10 });
  expect(await announced(stripe)).toEqual([]);
  await control("advance", { seconds: 20 });
  expect(await announced(stripe)).toHaveLength(1);
  await control("advance", { seconds: DAY });
  const [event, second] = await announced(stripe);
  expect(second).toBeUndefined();
  expect(event?.data.object).not.toHaveProperty("id");
  expect(event?.data.object).toMatchObject({
    object: "invoice",
    customer: customer.id,
    billing_reason: "upcoming",
    amount_due: 1900,
    period_end: end,
    parent: { subscription_details: { subscription: subscription.id } },
  });
  await control("advance", { seconds: 31 * DAY });
  expect(await announced(stripe)).toHaveLength(2);
});

test("no invoice is announced for a subscription that ends", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  await control("advance", { seconds: 32 * DAY });
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("canceled");
  expect(await announced(stripe)).toEqual([]);
});
