import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { look, press } from "./stripe_hosted.ts";
import { makePrice, startEmulated } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

async function begin(
  { stripe }: Emulated,
  more: Partial<Stripe.Checkout.SessionCreateParams>,
): Promise<Stripe.Checkout.Session> {
  const [price = await makePrice(stripe)] = (
    await stripe.prices.list({ lookup_keys: ["pro_month"] })
  ).data;
  return stripe.checkout.sessions.create({
    mode: "subscription",
    customer_email: "alice@acme.test",
    line_items: [{ price: price.id, quantity: 2 }],
    success_url: "https://shop.test/done",
    ...more,
  });
}

async function makeCode({ stripe }: Emulated, coupon: Stripe.CouponCreateParams) {
  const { id } = await stripe.coupons.create(coupon);
  return stripe.promotionCodes.create({
    promotion: { type: "coupon", coupon: id },
    code: "SPRING",
  });
}

const pay = { step: "pay", card: "pm_card_visa" };

test("a session's discount is taken off, and goes on with the subscription", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const coupon = await stripe.coupons.create({ percent_off: 25, duration: "forever" });
  const session = await begin(emulated, { discounts: [{ coupon: coupon.id }] });
  expect(session).toMatchObject({
    amount_subtotal: 3800,
    amount_total: 2850,
    total_details: { amount_discount: 950 },
    discounts: [{ coupon: coupon.id, promotion_code: null }],
  });
  expect((await stripe.checkout.sessions.listLineItems(session.id)).data).toMatchObject([
    { amount_subtotal: 3800, amount_discount: 950, amount_total: 2850 },
  ]);
  expect((await look(session.url)).html).toContain("$28.50");
  await press(session.url, pay);
  const expand = ["invoice", "subscription.discounts"];
  expect(await stripe.checkout.sessions.retrieve(session.id, { expand })).toMatchObject({
    payment_status: "paid",
    invoice: { amount_paid: 2850 },
    subscription: { discounts: [{ source: { coupon: coupon.id } }] },
  });
});

test("a code is typed on the page, where the session allows it", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const promotion = await makeCode(emulated, {
    amount_off: 800,
    currency: "usd",
    duration: "once",
  });
  const plain = await begin(emulated, {});
  expect((await look(plain.url)).html).not.toContain("Promotion code");
  await press(plain.url, { step: "code", code: "SPRING" });
  expect((await stripe.checkout.sessions.retrieve(plain.id)).amount_total).toBe(3800);

  const session = await begin(emulated, { allow_promotion_codes: true });
  expect((await look(session.url)).html).toContain("Promotion code");
  const wrong = await press(session.url, { step: "code", code: "AUTUMN" });
  expect([wrong.status, wrong.html.includes("This code is invalid.")]).toEqual([400, true]);
  await press(session.url, { step: "code", code: "spring" });
  expect((await look(session.url)).html).toContain("$30.00");
  await press(session.url, pay);
  const after = await stripe.checkout.sessions.retrieve(session.id, { expand: ["invoice"] });
  expect(after).toMatchObject({ invoice: { amount_paid: 3000 }, amount_total: 3000 });
  expect((await stripe.promotionCodes.retrieve(promotion.id)).times_redeemed).toBe(1);
});

test("where a discount leaves nothing to pay, no payment is required", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { id } = await makeCode(emulated, { percent_off: 100, duration: "forever" });
  const session = await begin(emulated, {
    discounts: [{ promotion_code: id }],
    payment_method_collection: "if_required",
  });
  await press(session.url, { step: "pay" });
  const expand = ["subscription"];
  expect(await stripe.checkout.sessions.retrieve(session.id, { expand })).toMatchObject({
    status: "complete",
    payment_status: "no_payment_required",
    subscription: { status: "active" },
  });
});

test("discounts and codes exclude each other, and need something to sell", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const coupon = (await stripe.coupons.create({ percent_off: 25, duration: "once" })).id;
  await expect(
    begin(emulated, { discounts: [{ coupon }], allow_promotion_codes: true }),
  ).rejects.toMatchObject({ param: "discounts" });
  await expect(begin(emulated, { discounts: [{ coupon }, { coupon }] })).rejects.toMatchObject({
    param: "discounts",
  });
  await expect(begin(emulated, { discounts: [{ coupon: "gone" }] })).rejects.toMatchObject({
    code: "resource_missing",
  });
  await expect(
    stripe.checkout.sessions.create({
      mode: "setup",
      currency: "usd",
      success_url: "https://shop.test/done",
      discounts: [{ coupon }],
    }),
  ).rejects.toMatchObject({ param: "discounts" });
});
