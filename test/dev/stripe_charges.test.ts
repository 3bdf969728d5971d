import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import { allEvents, makeIncomplete, makePrice, startEmulated } from "./stripe_support.ts";

/** A first payment made with this card, and its charge. */
async function pay(stripe: Stripe, payment_method: string, price?: Stripe.Price) {
  const { intent } = await makeIncomplete(stripe, {}, price);
  const paid = await stripe.paymentIntents.confirm(intent, {
    payment_method,
    expand: ["latest_charge"],
  });
  return { intent, charge: idOf(paid.latest_charge ?? ""), paid };
}

test("every attempt to pay leaves a charge", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { intent } = await makeIncomplete(stripe);
  const use = (payment_method: string) =>
    stripe.paymentIntents.confirm(intent, { payment_method, expand: ["latest_charge"] });
  await expect(use("pm_card_chargeDeclinedInsufficientFunds")).rejects.toMatchObject({
    decline_code: "insufficient_funds",
  });
  const paid = await use("pm_card_visa");
  expect(paid.latest_charge).toMatchObject({
    status: "succeeded",
    paid: true,
    amount: 1900,
    payment_method_details: { card: { last4: "4242" } },
  });
  const { data } = await stripe.charges.list({ payment_intent: intent });
  expect(data.map((each) => [each.status, each.failure_code])).toEqual([
    ["succeeded", null],
    ["failed", "card_declined"],
  ]);
  const types = (await allEvents(stripe)).map((event) => event.type);
  expect(types.filter((type) => type.startsWith("charge."))).toEqual([
    "charge.failed",
    "charge.succeeded",
  ]);
});

test("a charge can be refunded in parts, and no further", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { intent, charge } = await pay(stripe, "pm_card_visa");
  const part = await stripe.refunds.create({ payment_intent: intent, amount: 900 });
  expect(part).toMatchObject({ status: "succeeded", amount: 900, charge });
  expect(await stripe.charges.retrieve(charge)).toMatchObject({
    refunded: false,
    amount_refunded: 900,
  });
  await expect(stripe.refunds.create({ charge, amount: 1001 })).rejects.toMatchObject({
    statusCode: 400,
    param: "amount",
  });
  await stripe.refunds.create({ charge, reason: "requested_by_customer" });
  expect(await stripe.charges.retrieve(charge)).toMatchObject({ refunded: true });
  await expect(stripe.refunds.create({ charge })).rejects.toMatchObject({
    code: "charge_already_refunded",
  });
  expect((await stripe.refunds.list({ charge })).data).toHaveLength(2);
  const { data: events } = await stripe.events.list({ type: "charge.refunded" });
  expect(events.map((event) => event.data.object)).toMatchObject([
    { amount_refunded: 1900, refunded: true },
    { amount_refunded: 900, refunded: false },
  ]);
});

test("a disputed charge is lost, or won with evidence, and is not refunded meanwhile", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const disputed = async () => {
    const { charge } = await pay(stripe, "pm_card_createDispute", price);
    const [dispute] = (await stripe.disputes.list({ charge })).data;
    expect(dispute).toMatchObject({ status: "needs_response", amount: 1900, charge });
    expect(await stripe.charges.retrieve(charge)).toMatchObject({ disputed: true });
    await expect(stripe.refunds.create({ charge })).rejects.toMatchObject({
      code: "charge_disputed",
    });
    return dispute?.id ?? "";
  };
  expect((await stripe.disputes.close(await disputed())).status).toBe("lost");
  const won = await disputed();
  const evidence = { uncategorized_text: "winning_evidence" };
  expect((await stripe.disputes.update(won, { evidence, submit: true })).status).toBe("won");
  await expect(stripe.disputes.close(won)).rejects.toMatchObject({ statusCode: 400 });
  const types = (await allEvents(stripe)).map((event) => event.type);
  const told = types.filter((type) => type.startsWith("charge.dispute."));
  expect(told).toEqual([
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
  ]);
});
