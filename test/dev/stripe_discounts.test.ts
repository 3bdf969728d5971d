import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import { makeCardholder, makePrice, startEmulated } from "./stripe_support.ts";

const MONTH = 31 * 86_400;

/** Subscribes a customer with a card to 19.00 a month with this coupon. */
async function subscribe(stripe: Stripe, coupon: Stripe.CouponCreateParams, price?: Stripe.Price) {
  const made = await stripe.coupons.create(coupon);
  const customer = await makeCardholder(stripe);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: (price ?? (await makePrice(stripe))).id }],
    discounts: [{ coupon: made.id }],
    expand: ["latest_invoice", "discounts"],
  });
  const paid = async () => {
    const { data } = await stripe.invoices.list({ customer: customer.id });
    return data.map((invoice) => invoice.amount_paid).toReversed();
  };
  return { coupon: made, customer, subscription, paid };
}

test("a share off for some months is taken off those months' invoices", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { coupon, subscription, paid } = await subscribe(stripe, {
    percent_off: 50,
    duration: "repeating",
    duration_in_months: 2,
  });
  const [discount] = subscription.discounts;
  expect(discount).toMatchObject({ source: { coupon: coupon.id } });
  const id = idOf(discount ?? "");
  expect(subscription.latest_invoice).toMatchObject({
    status: "paid",
    subtotal: 1900,
    total: 950,
    total_discount_amounts: [{ amount: 950, discount: id }],
    lines: { data: [{ amount: 1900, discount_amounts: [{ amount: 950, discount: id }] }] },
  });
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
  expect(preview).toMatchObject({ total: 950 });
  await control("advance", { seconds: MONTH + 86_400 });
  await control("advance", { seconds: MONTH });
  expect(await paid()).toEqual([950, 950, 1900]);
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({ discounts: [] });
});

test("an amount off once is taken off one invoice, and a forever one off all", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const price = await makePrice(stripe);
  const amount = { amount_off: 500, currency: "usd" };
  const once = await subscribe(stripe, { ...amount, duration: "once" }, price);
  const forever = await subscribe(stripe, { ...amount, duration: "forever" }, price);
  for (const { subscription } of [once, forever]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other.
    await control(`subscriptions/${subscription.id}/renew`);
  }
  expect(await once.paid()).toEqual([1400, 1900]);
  expect(await forever.paid()).toEqual([1400, 1400]);
  const removed = await stripe.subscriptions.deleteDiscount(forever.subscription.id);
  expect(removed).toMatchObject({ object: "discount", deleted: true });
  await control(`subscriptions/${forever.subscription.id}/renew`);
  expect(await forever.paid()).toEqual([1400, 1400, 1900]);
});

test("a whole price off makes an active subscription without a payment", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription } = await subscribe(stripe, { percent_off: 100, duration: "forever" });
  expect(subscription).toMatchObject({
    status: "active",
    latest_invoice: { status: "paid", total: 0, amount_due: 0 },
  });
});

test("a coupon can be redeemed as often as it says, in its own currency, while it is there", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const { coupon } = await subscribe(
    stripe,
    { percent_off: 10, duration: "once", max_redemptions: 1 },
    price,
  );
  expect(await stripe.coupons.retrieve(coupon.id)).toMatchObject({
    times_redeemed: 1,
    valid: false,
  });
  const customer = await makeCardholder(stripe);
  const use = (id: string) =>
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      discounts: [{ coupon: id }],
    });
  const param = "discounts[0][coupon]";
  await expect(use(coupon.id)).rejects.toMatchObject({ code: "coupon_expired", param });
  await expect(use("none")).rejects.toMatchObject({ code: "resource_missing", param });
  const euros = await stripe.coupons.create({ amount_off: 100, currency: "eur" });
  await expect(use(euros.id)).rejects.toMatchObject({ statusCode: 400, param });
  expect(await stripe.coupons.del(euros.id)).toMatchObject({ deleted: true });
  await expect(use(euros.id)).rejects.toMatchObject({ code: "resource_missing" });
  await expect(stripe.coupons.create({ duration: "once" })).rejects.toMatchObject({
    code: "parameter_missing",
  });
  expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
});

test("a promotion code is found by what customers type, and works while it is active", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const coupon = await stripe.coupons.create({ percent_off: 20, duration: "forever" });
  const made = await stripe.promotionCodes.create({
    promotion: { type: "coupon", coupon: coupon.id },
    code: "SPRING",
    max_redemptions: 2,
    restrictions: { first_time_transaction: true },
  });
  const [code] = (await stripe.promotionCodes.list({ code: "spring", active: true })).data;
  expect(code?.id).toBe(made.id);
  const customer = await makeCardholder(stripe);
  const use = () =>
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      discounts: [{ promotion_code: made.id }],
      expand: ["latest_invoice", "discounts.promotion_code"],
    });
  expect(await use()).toMatchObject({
    latest_invoice: { total: 1520 },
    discounts: [{ promotion_code: { code: "SPRING", times_redeemed: 1 } }],
  });
  const param = "discounts[0][promotion_code]";
  await expect(use()).rejects.toMatchObject({ statusCode: 400, param });
  await stripe.promotionCodes.update(made.id, { active: false });
  await expect(use()).rejects.toMatchObject({ statusCode: 400, param });
});

test("in flexible billing a proration has the discount in its amount", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription } = await subscribe(stripe, { percent_off: 50, duration: "forever" });
  const [item] = subscription.items.data;
  const updated = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item?.id ?? "", quantity: 3 }],
    proration_behavior: "always_invoice",
    proration_date: item?.current_period_start ?? 0,
    expand: ["latest_invoice"],
  });
  expect(updated.latest_invoice).toMatchObject({ total: 1900, subtotal: 1900 });
});
