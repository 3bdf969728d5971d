import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { idOf } from "../store.ts";

/** The coupon behind a discount, which outlives its own deletion. */
export function couponOf(discount: Stripe.Discount, context: Context): Stripe.Coupon | undefined {
  const coupon = discount.source.coupon;
  if (coupon === null) return undefined;
  const { coupons, redeemed } = context.store;
  return redeemed.get(idOf(coupon)) ?? coupons.get(idOf(coupon));
}

/** What is taken off a subscription's invoices now. */
export function discountsFor(
  context: Context,
  subscription: Stripe.Subscription,
): Stripe.Discount[] {
  return subscription.discounts
    .map((each) => context.store.discounts.get(idOf(each)))
    .filter((each) => each !== undefined)
    .filter((each) => each.end === null || each.end > context.clock.now());
}

/** What is left of a price after the discounts that are shares of it. */
export function shareLeft(context: Context, discounts: Stripe.Discount[]): number {
  return discounts
    .map((each) => couponOf(each, context)?.percent_off ?? 0)
    .reduce((left, percent) => left * (1 - percent / 100), 1);
}

/** Takes each discount in turn off the lines, and says what each came to. */
export function discountLines(
  context: Context,
  discounts: Stripe.Discount[],
  lines: Stripe.InvoiceLineItem[],
): { amount: number; discount: string }[] {
  return discounts.map((discount) => {
    const coupon = couponOf(discount, context);
    const products = coupon?.applies_to?.products;
    const fitting = lines.filter(
      (line) => line.discountable && (products?.includes(productOf(line)) ?? true),
    );
    const parts = coupon === undefined ? [] : partsOf(coupon, fitting.map(rest));
    fitting.forEach((line, index) => {
      line.discounts.push(discount.id);
      line.discount_amounts?.push({ amount: parts[index] ?? 0, discount: discount.id });
    });
    return { amount: parts.reduce((sum, part) => sum + part, 0), discount: discount.id };
  });
}

/** What is left of a line's amount after the discounts taken so far. */
function rest(line: Stripe.InvoiceLineItem): number {
  return (line.discount_amounts ?? []).reduce((left, each) => left - each.amount, line.amount);
}

/** A share of each amount; or a fixed amount, spread over them by their size, to the last cent. */
export function partsOf(coupon: Stripe.Coupon, amounts: number[]): number[] {
  const percent = coupon.percent_off;
  if (percent !== null) return amounts.map((each) => Math.round((each * percent) / 100));
  let sum = amounts.reduce((total, each) => total + Math.max(0, each), 0);
  let left = Math.min(coupon.amount_off ?? 0, sum);
  return amounts.map((each) => {
    const part = each <= 0 ? 0 : Math.round((left * each) / sum);
    sum -= Math.max(0, each);
    left -= part;
    return part;
  });
}

function productOf(line: Stripe.InvoiceLineItem): string {
  return line.pricing?.price_details?.product ?? "";
}
