import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import * as p from "../params.ts";
import { periodEnd } from "../periods.ts";
import { idOf, newId } from "../store.ts";
import { found } from "./shared.ts";

/** The parameter `discounts`; an empty one takes them all away. */
export const discountsField = p.emptyable(
  p.list(p.shape({}, { coupon: p.text, promotion_code: p.text, discount: p.text })),
);
type Given = { coupon?: string; promotion_code?: string; discount?: string };

/** Whom discounts are for, and the money they would be taken off. */
export type Owner = { customer: string; subscription: string; currency: string };

/** The discounts asked for, or an error that says which cannot be had. Nothing is redeemed yet. */
export function planDiscounts(
  context: Context,
  given: Given[] | null | undefined,
  owner: Owner,
): Stripe.Discount[] {
  return (given ?? []).map((each, index) =>
    planDiscount(context, each, owner, `discounts[${index}]`),
  );
}

function planDiscount(context: Context, given: Given, owner: Owner, at: string): Stripe.Discount {
  if (given.discount !== undefined) {
    return found(context.store.discounts, "discount", given.discount, `${at}[discount]`);
  }
  if (given.promotion_code !== undefined) {
    const param = `${at}[promotion_code]`;
    const code = found(context.store.promotionCodes, "promotion code", given.promotion_code, param);
    const coupon = context.store.coupons.get(idOf(code.promotion.coupon ?? ""));
    refuseCode(context, code, owner, param);
    if (coupon === undefined) throw invalidParameter(param, "This promotion code has no coupon.");
    refuseCoupon(context, coupon, owner, param);
    return discountOf(context, coupon, owner, code.id);
  }
  const param = `${at}[coupon]`;
  const coupon = found(context.store.coupons, "coupon", given.coupon ?? "", param);
  refuseCoupon(context, coupon, owner, param);
  return discountOf(context, coupon, owner, null);
}

function refuseCoupon(context: Context, coupon: Stripe.Coupon, owner: Owner, param: string): void {
  if (!isRedeemable(context, coupon)) {
    throw invalidParameter(
      param,
      `Coupon ${coupon.id} is expired and cannot be used.`,
      "coupon_expired",
    );
  }
  if (coupon.currency !== null && coupon.currency !== owner.currency) {
    throw invalidParameter(
      param,
      `Coupon ${coupon.id} is in ${coupon.currency} and the subscription in ${owner.currency}.`,
    );
  }
}

/** True of a coupon that may be used once more. */
export function isRedeemable(context: Context, coupon: Stripe.Coupon): boolean {
  const { max_redemptions: most, redeem_by: last, times_redeemed: times } = coupon;
  return (most === null || times < most) && (last === null || last > context.clock.now());
}

function refuseCode(
  context: Context,
  code: Stripe.PromotionCode,
  owner: Owner,
  param: string,
): void {
  const isOver = code.expires_at !== null && code.expires_at <= context.clock.now();
  if (!code.active || isOver) {
    throw invalidParameter(param, "This promotion code is not active.");
  }
  if (code.customer !== null && code.customer !== owner.customer) {
    throw invalidParameter(param, "This promotion code is for another customer.");
  }
  const hasPaid = [...context.store.invoices.values()].some(
    (each) => each.customer === owner.customer && each.amount_paid > 0,
  );
  if (code.restrictions.first_time_transaction && hasPaid) {
    throw invalidParameter(
      param,
      "This promotion code cannot be redeemed because the associated customer has prior transactions.",
    );
  }
}

function discountOf(
  context: Context,
  coupon: Stripe.Coupon,
  owner: Owner,
  code: string | null,
): Stripe.Discount {
  const start = context.clock.now();
  const months = coupon.duration === "repeating" ? (coupon.duration_in_months ?? 1) : null;
  const interval = { interval: "month", interval_count: months ?? 1 } as const;
  return {
    id: newId("di"),
    object: "discount",
    checkout_session: null,
    customer: owner.customer,
    customer_account: null,
    end: months === null ? null : periodEnd(start, start, interval),
    invoice: null,
    invoice_item: null,
    promotion_code: code,
    source: { type: "coupon", coupon: coupon.id },
    start,
    subscription: owner.subscription,
    subscription_item: null,
  };
}

/** Whom a subscription's discounts are for. */
export function ownerOf({ id, currency, customer }: Stripe.Subscription): Owner {
  return { customer: idOf(customer), subscription: id, currency };
}
