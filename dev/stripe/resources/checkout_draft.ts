import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, missingParameter } from "../errors.ts";
import * as p from "../params.ts";
import { copy, newId, randomText } from "../store.ts";
import { emptySession } from "./checkout_blank.ts";
import { checkoutDiscounts, discountSession } from "./checkout_discounts.ts";
import { subscriptionData } from "./checkout_record.ts";
import type { Checkout } from "./checkout_record.ts";
import { isMetered } from "./entries.ts";
import { future, liveCustomer } from "./shared.ts";
import { automaticTax } from "./subscription_create.ts";
import { subscribable } from "./subscription_items.ts";

const HOUR = 3600;
const SHORTEST = HOUR / 2;
const LONGEST = 24 * HOUR;

/** The parameters of a new session. */
export const CREATE = {
  required: { mode: p.oneOf("subscription", "setup"), success_url: p.webAddress },
  optional: {
    allow_promotion_codes: p.boolean,
    automatic_tax: automaticTax,
    cancel_url: p.webAddress,
    client_reference_id: p.text,
    currency: p.text,
    customer: p.text,
    customer_creation: p.oneOf("always", "if_required"),
    customer_email: p.text,
    discounts: checkoutDiscounts,
    expires_at: p.integer,
    line_items: p.list(p.shape({ price: p.text }, { quantity: p.integer })),
    metadata: p.metadata,
    payment_method_collection: p.oneOf("always", "if_required"),
    subscription_data: subscriptionData,
    ui_mode: p.oneOf("hosted_page"),
  },
};
/** Those parameters, read. */
export type Create = p.Decoded<typeof CREATE.required, typeof CREATE.optional>;

/** The session that the parameters describe, and what is kept beside it; nothing is stored yet. */
export function draftSession(
  context: Context,
  params: Create,
): { session: Stripe.Checkout.Session; checkout: Checkout } {
  refuseMismatch(params);
  const id = `cs_test_a1${randomText(56)}`;
  const { customer, mode, subscription_data: data = {} } = params;
  const email =
    customer === undefined
      ? params.customer_email
      : liveCustomer(context.store, customer, "customer").email;
  const now = context.clock.now();
  if (data.trial_end !== undefined) {
    future(data.trial_end, now, "subscription_data[trial_end]");
  }
  const isTrial = data.trial_end !== undefined || (data.trial_period_days ?? 0) > 0;
  const lines = (params.line_items ?? []).map((given, index) =>
    lineOf(subscribable(context, given.price, `line_items[${index}][price]`), given, isTrial),
  );
  const isSale = mode === "subscription";
  const total = isSale ? lines.reduce((sum, line) => sum + line.amount_total, 0) : null;
  const session: Stripe.Checkout.Session = {
    ...emptySession(),
    id,
    allow_promotion_codes: params.allow_promotion_codes ?? null,
    amount_subtotal: total,
    amount_total: total,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    created: now,
    currency: lines[0]?.currency ?? params.currency ?? null,
    customer: customer ?? null,
    customer_creation: creationOf(params),
    customer_details: email ? detailsOf(email) : null,
    customer_email: params.customer_email ?? null,
    expires_at: expiry(params.expires_at, now),
    metadata: p.mergeMetadata({}, params.metadata),
    mode,
    payment_method_collection: isSale ? (params.payment_method_collection ?? "always") : null,
    payment_status: isSale ? "unpaid" : "no_payment_required",
    success_url: params.success_url,
    total_details: isSale ? { amount_discount: 0, amount_shipping: 0, amount_tax: 0 } : null,
    url: `${context.site}/c/pay/${id}`,
  };
  const checkout: Checkout = { id, lines, data };
  discountSession(context, session, checkout, params.discounts ?? []);
  return { session, checkout };
}

function refuseMismatch(params: Create): void {
  const { mode, line_items: items } = params;
  if (params.customer !== undefined && params.customer_email !== undefined) {
    throw invalidParameter(
      "customer_email",
      "You may only specify one of these parameters: customer, customer_email.",
    );
  }
  if (params.discounts !== undefined && params.allow_promotion_codes !== undefined) {
    throw invalidParameter(
      "discounts",
      "You may only specify one of these parameters: allow_promotion_codes, discounts.",
    );
  }
  if (mode === "subscription") {
    if (items === undefined || items.length === 0) throw missingParameter("line_items");
    if (params.customer_creation !== undefined) {
      throw invalidParameter(
        "customer_creation",
        "`customer_creation` can only be used in `payment` and `setup` mode.",
      );
    }
    return;
  }
  const misplaced = (
    [
      "allow_promotion_codes",
      "discounts",
      "line_items",
      "subscription_data",
      "payment_method_collection",
    ] as const
  ).find((name) => params[name] !== undefined);
  if (misplaced !== undefined) {
    throw invalidParameter(misplaced, `You can not pass \`${misplaced}\` in \`setup\` mode.`);
  }
}

/** A subscription always needs a customer; a card that is saved need not have one. */
function creationOf({ customer, customer_creation: creation, mode }: Create) {
  if (customer !== undefined) return null;
  return mode === "subscription" ? "always" : (creation ?? "if_required");
}

function expiry(asked: number | undefined, now: number): number {
  const at = asked ?? now + LONGEST;
  if (at >= now + SHORTEST && at <= now + LONGEST) return at;
  throw invalidParameter(
    "expires_at",
    "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.",
  );
}

function lineOf(
  price: Stripe.Price,
  { quantity = 1 }: { quantity?: number },
  isTrial: boolean,
): Stripe.LineItem {
  const amount = isTrial || isMetered(price) ? 0 : (price.unit_amount ?? 0) * quantity;
  return {
    id: newId("li"),
    object: "item",
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: price.currency,
    description: price.nickname,
    metadata: {},
    price: copy(price),
    quantity: isMetered(price) ? null : quantity,
  };
}

/** What is known of the person before they pay: an address for e-mail. */
function detailsOf(email: string): Stripe.Checkout.Session.CustomerDetails {
  return {
    address: null,
    business_name: null,
    email,
    individual_name: null,
    name: null,
    phone: null,
    tax_exempt: "none",
    tax_ids: null,
  };
}
