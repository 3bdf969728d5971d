import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { missingResource } from "../errors.ts";
import { change, emit } from "../events.ts";
import { copy, idOf } from "../store.ts";
import { isRedeemable } from "./discount_plan.ts";
import { couponOf } from "./discounting.ts";

/** Makes planned discounts real: they count as redemptions. */
export function redeem(context: Context, planned: Stripe.Discount[]): void {
  const { store } = context;
  for (const discount of planned.filter((each) => !store.discounts.has(each.id))) {
    const coupon = store.coupons.get(idOf(discount.source.coupon ?? ""));
    const code = store.promotionCodes.get(idOf(discount.promotion_code ?? ""));
    store.discounts.set(discount.id, discount);
    if (coupon !== undefined) {
      coupon.times_redeemed += 1;
      coupon.valid = isRedeemable(context, coupon);
      store.redeemed.set(coupon.id, copy(coupon));
    }
    if (code !== undefined) {
      change(context, "promotion_code.updated", code, () => {
        code.times_redeemed += 1;
        if (code.times_redeemed === code.max_redemptions) code.active = false;
      });
    }
    emit(context, "customer.discount.created", discount);
  }
}

/** Puts these discounts on a subscription in place of those it has. To be called inside its change. */
export function replaceDiscounts(
  context: Context,
  subscription: Stripe.Subscription,
  wanted: Stripe.Discount[],
): void {
  const kept = new Set(wanted.map((each) => each.id));
  redeem(context, wanted);
  for (const old of subscription.discounts.map(idOf).filter((each) => !kept.has(each))) {
    endDiscount(context, old);
  }
  subscription.discounts = [...kept];
}

/** Takes away what was for one invoice only, once it has been used, and what has run out. */
export function spendDiscounts(
  context: Context,
  subscription: Stripe.Subscription,
  invoice: Stripe.Invoice,
): void {
  const used = (invoice.total_discount_amounts ?? []).filter((each) => each.amount > 0);
  const spent = new Set(
    used.map((each) => idOf(each.discount)).filter((id) => isForOnce(context, id)),
  );
  const over = subscription.discounts.map(idOf).filter((id) => {
    const end = context.store.discounts.get(id)?.end ?? null;
    return spent.has(id) || (end !== null && end <= context.clock.now());
  });
  if (over.length === 0) return;
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.discounts = subscription.discounts.map(idOf).filter((id) => !over.includes(id));
  });
  for (const id of over) endDiscount(context, id);
}

function isForOnce(context: Context, id: string): boolean {
  const discount = context.store.discounts.get(id);
  return discount !== undefined && couponOf(discount, context)?.duration === "once";
}

function endDiscount(context: Context, id: string): void {
  const discount = context.store.discounts.get(id);
  if (discount !== undefined) emit(context, "customer.discount.deleted", discount);
}

/** Takes away what a subscription is discounted by. */
export function removeDiscounts(context: Context, subscription: Stripe.Subscription): object {
  const last = context.store.discounts.get(idOf(subscription.discounts.at(-1) ?? ""));
  if (last === undefined)
    throw missingResource("active discount for subscription", subscription.id);
  change(context, "customer.subscription.updated", subscription, () =>
    replaceDiscounts(context, subscription, []),
  );
  const { end: _end, ...rest } = last;
  return { ...rest, deleted: true };
}
