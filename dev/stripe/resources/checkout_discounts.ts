import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import * as p from "../params.ts";
import { idOf } from "../store.ts";
import type { Checkout } from "./checkout_record.ts";
import { couponOf, partsOf } from "./discounting.ts";
import { planDiscounts } from "./discount_plan.ts";
import { found } from "./shared.ts";

type Session = Stripe.Checkout.Session;

/** The parameter `discounts` of a session. */
export const checkoutDiscounts = p.list(p.shape({}, { coupon: p.text, promotion_code: p.text }));
type Given = ReturnType<typeof checkoutDiscounts>;

/** Takes discounts off what a session sells, or says which cannot be had. */
export function discountSession(
  context: Context,
  session: Session,
  checkout: Checkout,
  given: Given,
): void {
  const [first, second] = given;
  if (first === undefined) return;
  if (second !== undefined) {
    throw invalidParameter("discounts", "You may only apply one discount to a Checkout Session.");
  }
  const customer = idOf(session.customer ?? "");
  const owner = { customer, subscription: "", currency: session.currency ?? "usd" };
  for (const discount of planDiscounts(context, given, owner)) {
    const coupon = couponOf(discount, context);
    const products = coupon?.applies_to?.products;
    const lines = checkout.lines.filter(
      ({ price }) => price !== null && (products?.includes(idOf(price.product)) ?? true),
    );
    const totals = lines.map((line) => line.amount_total);
    const parts = coupon === undefined ? [] : partsOf(coupon, totals);
    lines.forEach((line, index) => {
      const part = parts[index] ?? 0;
      line.amount_discount += part;
      line.amount_total -= part;
    });
  }
  const off = checkout.lines.reduce((sum, line) => sum + line.amount_discount, 0);
  session.amount_total = (session.amount_subtotal ?? 0) - off;
  session.total_details = { amount_discount: off, amount_shipping: 0, amount_tax: 0 };
  session.discounts = [
    { coupon: first.coupon ?? null, promotion_code: first.promotion_code ?? null },
  ];
  checkout.discounts = given;
}

/** True while the customer may still type a code. */
export function takesCode(context: Context, session: Session): boolean {
  const checkout = context.store.checkouts.get(session.id);
  const isFirst = session.discounts?.length === 0 && checkout?.subscription === undefined;
  return session.allow_promotion_codes === true && isFirst;
}

/** The customer has typed a code. */
export function useCode(context: Context, session: Session, typed: string): void {
  if (!takesCode(context, session)) return;
  const wanted = typed.trim().toUpperCase();
  const code = [...context.store.promotionCodes.values()].find(
    (each) => each.active && each.code.toUpperCase() === wanted,
  );
  if (code === undefined) throw invalidParameter("code", "This code is invalid.");
  const checkout = found(context.store.checkouts, "checkout.session", session.id);
  discountSession(context, session, checkout, [{ promotion_code: code.id }]);
}
