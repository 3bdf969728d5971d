import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { advanceTo, makeCardholder, makePrice, startEmulated } from "./stripe_support.ts";

const DAY = 86_400;
const START = Date.UTC(2020, 0, 1) / 1000;

/** A customer on a new test clock, with a card. */
async function makeClocked(stripe: Stripe, method = "pm_card_visa") {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START, name: "Test" });
  const customer = await makeCardholder(stripe, method, { test_clock: clock.id });
  return { clock, customer };
}

test("a subscription on a test clock is renewed by that clock alone, at its own times", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const price = await makePrice(stripe);
  const { clock, customer } = await makeClocked(stripe);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    trial_period_days: 7,
  });
  expect(subscription).toMatchObject({
    created: START,
    status: "trialing",
    trial_end: START + 7 * DAY,
    test_clock: clock.id,
  });
  await control("advance", { seconds: 40 * DAY });
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("trialing");

  const target = START + 8 * DAY;
  const moving = await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: target });
  expect(moving).toMatchObject({
    status: "advancing",
    frozen_time: START,
    status_details: { advancing: { target_frozen_time: target } },
  });
  await advanceTo(stripe, clock.id, START + 40 * DAY);
  const { data: invoices } = await stripe.invoices.list({ customer: customer.id });
  expect(invoices.map((each) => [each.status, each.amount_paid, each.created])).toEqual([
    ["paid", 1900, START + (31 + 7) * DAY],
    ["paid", 1900, START + 7 * DAY],
    ["paid", 0, START],
  ]);
  expect(invoices[0]).toMatchObject({ test_clock: clock.id });
  const types = ["test_helpers.test_clock.advancing", "test_helpers.test_clock.ready"];
  const told = await stripe.events.list({ types });
  expect(told.data.map((event) => event.type).toReversed()).toEqual([...types, ...types]);
});

test("what is on a test clock is left out of lists that do not ask for it", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const { clock, customer } = await makeClocked(stripe);
  await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  const test_clock = clock.id;
  expect((await stripe.customers.list()).data).toEqual([]);
  expect((await stripe.customers.list({ test_clock })).data).toHaveLength(1);
  expect((await stripe.subscriptions.list()).data).toEqual([]);
  expect((await stripe.subscriptions.list({ test_clock })).data).toHaveLength(1);
  expect((await stripe.subscriptions.list({ customer: customer.id })).data).toHaveLength(1);
});

test("a test clock moves forward only, and two intervals at most", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const { clock, customer } = await makeClocked(stripe);
  await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  const to = (time: number) =>
    stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: time });
  for (const wrong of [START, START - 1, START + 61 * DAY]) {
    // oxlint-disable-next-line no-await-in-loop -- each on its own.
    await expect(to(wrong)).rejects.toMatchObject({ statusCode: 400, param: "frozen_time" });
  }
});

test("dunning and the first payment's 23 hours run on the test clock", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const { clock, customer } = await makeClocked(stripe, "pm_card_chargeCustomerFail");
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    payment_behavior: "default_incomplete",
  });
  const other = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    trial_period_days: 1,
  });
  await advanceTo(stripe, clock.id, START + DAY + 7200);
  const status = async (id: string) => (await stripe.subscriptions.retrieve(id)).status;
  expect(await status(subscription.id)).toBe("incomplete_expired");
  expect(await status(other.id)).toBe("past_due");
  await advanceTo(stripe, clock.id, START + 17 * DAY);
  expect(await status(other.id)).toBe("canceled");
});

test("deleting a test clock deletes its customers", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { clock, customer } = await makeClocked(stripe);
  expect(await stripe.testHelpers.testClocks.del(clock.id)).toMatchObject({ deleted: true });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ deleted: true });
  expect((await stripe.testHelpers.testClocks.list()).data).toEqual([]);
});
