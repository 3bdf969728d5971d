import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, missingParameter, StripeError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { randomText } from "../store.ts";
import { found } from "./shared.ts";

const FIELDS = {
  amount_off: p.integer,
  applies_to: p.shape({}, { products: p.list(p.text) }),
  currency: p.text,
  duration: p.oneOf("forever", "once", "repeating"),
  duration_in_months: p.integer,
  id: p.text,
  max_redemptions: p.integer,
  metadata: p.metadata,
  name: p.text,
  percent_off: decimal,
  redeem_by: p.integer,
};
type Fields = p.Optional<typeof FIELDS>;
const UPDATE = { metadata: p.metadata, name: p.text };

/** The endpoints under /v1/coupons. */
export const couponRoutes = [
  route("POST", "/v1/coupons", { optional: FIELDS }, (context, params) => {
    const { coupons } = context.store;
    check(params);
    const coupon = couponFrom(context, params);
    if (coupons.has(coupon.id)) throw taken(coupon.id);
    coupons.set(coupon.id, coupon);
    emit(context, "coupon.created", coupon);
    return coupon;
  }),
  route("GET", "/v1/coupons/:id", {}, (context, _params, id) => couponWith(context, id)),
  route("POST", "/v1/coupons/:id", { optional: UPDATE }, (context, params, id) => {
    const coupon = couponWith(context, id);
    change(context, "coupon.updated", coupon, () => {
      if (params.name !== undefined) coupon.name = p.textOrNull(params.name);
      coupon.metadata = p.mergeMetadata(coupon.metadata ?? {}, params.metadata);
    });
    return coupon;
  }),
  route("DELETE", "/v1/coupons/:id", {}, (context, _params, id) => {
    const coupon = couponWith(context, id);
    context.store.coupons.delete(id);
    coupon.valid = false;
    emit(context, "coupon.deleted", coupon);
    return { id, object: "coupon", deleted: true };
  }),
  route("GET", "/v1/coupons", { optional: { ...PAGE, created } }, (context, params) => {
    const rows = [...context.store.coupons.values()].filter((row) =>
      isCreatedIn(row.created, params.created),
    );
    return page(rows, params, "/v1/coupons");
  }),
];

function decimal(raw: unknown, at: string): number {
  const value = Number(p.text(raw, at));
  if (value > 0 && value <= 100) return value;
  throw invalidParameter(at, "Invalid percentage: must be more than 0 and at most 100.");
}

function couponWith(context: Context, id: string): Stripe.Coupon {
  return found(context.store.coupons, "coupon", id);
}

function check(params: Fields): void {
  if ((params.percent_off === undefined) === (params.amount_off === undefined)) {
    throw missingParameter("percent_off");
  }
  if (params.amount_off !== undefined && params.currency === undefined) {
    throw missingParameter("currency");
  }
  if (params.duration === "repeating" && params.duration_in_months === undefined) {
    throw missingParameter("duration_in_months");
  }
  for (const field of ["amount_off", "max_redemptions", "duration_in_months"] as const) {
    if ((params[field] ?? 1) < 1) throw invalidParameter(field, "Invalid positive integer");
  }
}

function couponFrom(context: Context, params: Fields): Stripe.Coupon {
  return {
    id: params.id ?? randomText(8),
    object: "coupon",
    amount_off: params.amount_off ?? null,
    ...(params.applies_to?.products === undefined
      ? {}
      : { applies_to: { products: params.applies_to.products } }),
    created: context.clock.now(),
    currency: params.amount_off === undefined ? null : (params.currency?.toLowerCase() ?? null),
    duration: params.duration ?? "once",
    duration_in_months: params.duration_in_months ?? null,
    livemode: false,
    max_redemptions: params.max_redemptions ?? null,
    metadata: p.mergeMetadata({}, params.metadata),
    name: p.textOrNull(params.name),
    percent_off: params.percent_off ?? null,
    redeem_by: params.redeem_by ?? null,
    times_redeemed: 0,
    valid: true,
  };
}

function taken(id: string): StripeError {
  return new StripeError(400, {
    type: "invalid_request_error",
    code: "resource_already_exists",
    message: `Coupon already exists: ${id}`,
    param: "id",
  });
}
