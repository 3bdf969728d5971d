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

const DAY = 86_400;

test("while collection is paused, renewals are kept as drafts, voided or written off", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  const outcomeOf = async (behavior: "keep_as_draft" | "mark_uncollectible" | "void") => {
    await stripe.subscriptions.update(subscription.id, { pause_collection: { behavior } });
    await control("advance", { seconds: 31 * DAY + 7200 });
    const after = await stripe.subscriptions.retrieve(subscription.id, {
      expand: ["latest_invoice"],
    });
    expect(after).toMatchObject({ status: "active", pause_collection: { behavior } });
    return after.latest_invoice;
  };
  expect(await outcomeOf("void")).toMatchObject({ status: "void", amount_paid: 0 });
  expect(await outcomeOf("mark_uncollectible")).toMatchObject({ status: "uncollectible" });
  expect(await outcomeOf("keep_as_draft")).toMatchObject({ status: "draft", auto_advance: false });
  const over = await stripe.subscriptions.update(subscription.id, { pause_collection: "" });
  expect(over.pause_collection).toBeNull();
  await control("advance", { seconds: 31 * DAY + 7200 });
  const { data } = await stripe.invoices.list({ subscription: subscription.id, status: "paid" });
  expect(data).toHaveLength(2);
});

test("a pause of collection ends at the time it was given", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  const resumes_at = subscription.created + 10 * DAY;
  await stripe.subscriptions.update(subscription.id, {
    pause_collection: { behavior: "void", resumes_at },
  });
  await control("advance", { seconds: 11 * DAY });
  expect((await stripe.subscriptions.retrieve(subscription.id)).pause_collection).toBeNull();
});

test("a paused subscription makes no invoices, and begins anew when it resumes", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  await control("advance", { seconds: 10 * DAY });
  expect(await stripe.subscriptions.pause(subscription.id)).toMatchObject({
    status: "paused",
    status_details: { paused: { subscription: { type: "pause_requested" }, type: "subscription" } },
  });
  await expect(stripe.subscriptions.pause(subscription.id)).rejects.toMatchObject({
    statusCode: 400,
  });
  const [credit] = (await stripe.invoiceItems.list({ pending: true })).data;
  expect(credit?.amount).toBeLessThan(-1000);
  await control("advance", { seconds: 60 * DAY });
  expect((await stripe.invoices.list()).data).toHaveLength(1);

  const resumed = await stripe.subscriptions.resume(subscription.id, {
    expand: ["latest_invoice"],
  });
  expect(resumed).toMatchObject({
    status: "active",
    latest_invoice: { status: "paid", total: 1900 + (credit?.amount ?? 0) },
  });
  expect(resumed).not.toHaveProperty("status_details");
  expect(resumed.items.data[0]?.current_period_start).toBeGreaterThan(
    subscription.created + 69 * DAY,
  );
  await expect(stripe.subscriptions.resume(subscription.id)).rejects.toMatchObject({
    statusCode: 400,
  });
  const types = (await allEvents(stripe)).map((event) => event.type);
  const paused = types.indexOf("customer.subscription.paused");
  expect(paused).toBeGreaterThan(0);
  expect(types.indexOf("customer.subscription.resumed")).toBeGreaterThan(paused);
});

test("a resumption that must be paid stays paused until it is, or for good after 23 hours", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const price = await makePrice(stripe);
  const make = async () => {
    const customer = await makeCardholder(stripe, "pm_card_chargeCustomerFail");
    const { id } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 1,
    });
    await stripe.subscriptions.pause(id);
    return id;
  };
  const resume = (id: string, payment_behavior: Stripe.SubscriptionResumeParams.PaymentBehavior) =>
    stripe.subscriptions.resume(id, { payment_behavior });
  const [paid, forgotten, tried] = [await make(), await make(), await make()];
  const waiting = await resume(paid, "resume_on_payment_success");
  expect(waiting.status).toBe("paused");
  const good = await stripe.paymentMethods.attach("pm_card_visa", {
    customer: idOf(waiting.customer),
  });
  await stripe.invoices.pay(idOf(waiting.latest_invoice ?? ""), { payment_method: good.id });
  expect((await stripe.subscriptions.retrieve(paid)).status).toBe("active");

  await resume(forgotten, "resume_on_payment_success");
  expect((await resume(tried, "resume_on_payment_attempt")).status).toBe("past_due");
  await control("advance", { seconds: DAY });
  const after = await stripe.subscriptions.retrieve(forgotten, { expand: ["latest_invoice"] });
  expect(after).toMatchObject({ status: "paused", latest_invoice: { status: "void" } });
});

test("with an unchanged anchor the periods go on where they would be", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { subscription } = await makeActive(stripe);
  const [item] = subscription.items.data;
  await stripe.subscriptions.pause(subscription.id, {
    bill_for: { unused_time_from: { type: "none" } },
  });
  await control("advance", { seconds: DAY });
  const resumed = await stripe.subscriptions.resume(subscription.id, {
    billing_cycle_anchor: { type: "unchanged" },
  });
  expect(resumed).toMatchObject({
    status: "active",
    billing_cycle_anchor: subscription.billing_cycle_anchor,
    items: { data: [{ current_period_end: item?.current_period_end }] },
  });
  expect((await stripe.invoiceItems.list()).data).toEqual([]);
});

test("a trial without a payment method is canceled, paused or invoiced, as it was told", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const make = async (missing_payment_method: "cancel" | "pause" | "create_invoice") => {
    const trial_settings = { end_behavior: { missing_payment_method } };
    const more = { trial_period_days: 1, trial_settings };
    return (await makeIncomplete(stripe, more, await price)).subscription.id;
  };
  const price = makePrice(stripe);
  const ids = [await make("cancel"), await make("pause"), await make("create_invoice")];
  await control("advance", { seconds: DAY + 7200 });
  const ended = await Promise.all(ids.map((id) => stripe.subscriptions.retrieve(id)));
  expect(ended.map((each) => each.status)).toEqual(["canceled", "paused", "past_due"]);
  expect(ended[1]?.status_details?.paused.subscription.type).toBe(
    "trial_end_without_payment_method",
  );
});
