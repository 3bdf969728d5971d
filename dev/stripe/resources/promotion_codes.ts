import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId, randomText } from "../store.ts";
import { found, liveCustomer } from "./shared.ts";

const CREATE = {
  required: { promotion: p.shape({ type: p.oneOf("coupon"), coupon: p.text }, {}) },
  optional: {
    active: p.boolean,
    code: p.text,
    customer: p.text,
    expires_at: p.integer,
    max_redemptions: p.integer,
    metadata: p.metadata,
    restrictions: p.shape(
      {},
      {
        first_time_transaction: p.boolean,
        minimum_amount: p.integer,
        minimum_amount_currency: p.text,
      },
    ),
  },
};
type Create = p.Decoded<typeof CREATE.required, typeof CREATE.optional>;
const LIST = {
  ...PAGE,
  active: p.boolean,
  code: p.text,
  coupon: p.text,
  created,
  customer: p.text,
};

/** The endpoints under /v1/promotion_codes. */
export const promotionCodeRoutes = [
  route("POST", "/v1/promotion_codes", CREATE, create),
  route("GET", "/v1/promotion_codes/:id", {}, (context, _params, id) =>
    found(context.store.promotionCodes, "promotion code", id),
  ),
  route(
    "POST",
    "/v1/promotion_codes/:id",
    { optional: { active: p.boolean, metadata: p.metadata } },
    (context, params, id) => {
      const code = found(context.store.promotionCodes, "promotion code", id);
      change(context, "promotion_code.updated", code, () => {
        if (params.active !== undefined) code.active = params.active;
        code.metadata = p.mergeMetadata(code.metadata ?? {}, params.metadata);
      });
      return code;
    },
  ),
  route("GET", "/v1/promotion_codes", { optional: LIST }, (context, params) => {
    const { active, code, coupon, customer } = params;
    const rows = [...context.store.promotionCodes.values()]
      .filter((row) => active === undefined || row.active === active)
      .filter((row) => code === undefined || row.code.toLowerCase() === code.toLowerCase())
      .filter((row) => coupon === undefined || row.promotion.coupon === coupon)
      .filter((row) => customer === undefined || row.customer === customer)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/promotion_codes");
  }),
];

function create(context: Context, params: Create): Stripe.PromotionCode {
  const { promotionCodes } = context.store;
  const coupon = found(
    context.store.coupons,
    "coupon",
    params.promotion.coupon,
    "promotion[coupon]",
  );
  const text = params.code ?? randomText(8).toUpperCase();
  const isTaken = [...promotionCodes.values()].some(
    (each) => each.active && each.code.toLowerCase() === text.toLowerCase(),
  );
  if (isTaken) {
    throw invalidParameter(
      "code",
      `An active promotion code with \`code: ${text}\` already exists.`,
    );
  }
  if (params.customer !== undefined) liveCustomer(context.store, params.customer, "customer");
  const code: Stripe.PromotionCode = {
    id: newId("promo"),
    object: "promotion_code",
    active: params.active ?? true,
    code: text,
    created: context.clock.now(),
    customer: params.customer ?? null,
    customer_account: null,
    expires_at: params.expires_at ?? null,
    livemode: false,
    max_redemptions: params.max_redemptions ?? null,
    metadata: p.mergeMetadata({}, params.metadata),
    promotion: { type: "coupon", coupon: coupon.id },
    restrictions: {
      first_time_transaction: params.restrictions?.first_time_transaction ?? false,
      minimum_amount: params.restrictions?.minimum_amount ?? null,
      minimum_amount_currency: params.restrictions?.minimum_amount_currency ?? null,
    },
    times_redeemed: 0,
  };
  promotionCodes.set(code.id, code);
  emit(context, "promotion_code.created", code);
  return code;
}
