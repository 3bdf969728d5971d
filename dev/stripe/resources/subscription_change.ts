import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import * as p from "../params.ts";
import { periodEnd } from "../periods.ts";
import { discountsFor, shareLeft } from "./discounting.ts";
import { isMetered, periodEntry, remainingTime, unusedTime } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { intervalOf } from "./periods_of.ts";
import { changeItems, itemChange } from "./subscription_items.ts";

/** The parameters of an update, or its preview, that decide what is billed for it. */
export const CHANGE = {
  billing_cycle_anchor: p.shape({ type: p.oneOf("now", "unchanged") }, {}),
  items: p.list(itemChange),
  proration_behavior: p.oneOf("create_prorations", "none", "always_invoice"),
  proration_date: p.integer,
};
type Params = p.Optional<typeof CHANGE>;

/** What a change makes of a subscription, and what it costs. Nothing is changed yet. */
export type Change = {
  items: Stripe.SubscriptionItem[];
  anchor: number;
  /** Credits and charges for what is left of periods that go on. */
  prorations: Entry[];
  /** Whole periods that begin with the change. */
  charges: Entry[];
  isInvoicedNow: boolean;
};

const BILLED: ReadonlySet<string> = new Set(["active", "past_due"]);

/** Works out what `params` would do. */
export function planChange(
  context: Context,
  subscription: Stripe.Subscription,
  params: Params,
  discounts: Stripe.Discount[],
): Change {
  const now = context.clock.now();
  const before = subscription.items.data;
  const items = changeItems(context, subscription, params.items ?? []);
  const isBilled = BILLED.has(subscription.status);
  const startsOver =
    isBilled &&
    (params.billing_cycle_anchor?.type === "now" || items.every((item) => isNew(before, item)));
  if (startsOver) {
    for (const item of items) {
      item.current_period_start = now;
      item.current_period_end = periodEnd(now, now, intervalOf(item.price));
    }
  }
  const at = prorationTime(subscription, params.proration_date, now);
  // In flexible mode a proration's amount has the discounts in it; in classic it is discounted later.
  const isFlexible = subscription.billing_mode.type === "flexible";
  const behavior = params.proration_behavior ?? "create_prorations";
  const prorations =
    isBilled && behavior !== "none"
      ? prorate(subscription, items, at, isFlexible ? shareLeft(context, discounts) : 1)
      : [];
  const charges = items
    .filter((item) => isBilled && isNew(before, item))
    .map((item) => periodEntry(item));
  return {
    items,
    anchor: startsOver ? now : subscription.billing_cycle_anchor,
    prorations: prorations.map((entry) => ({ ...entry, isDiscountable: !isFlexible })),
    charges,
    isInvoicedNow: charges.length > 0 || (behavior === "always_invoice" && prorations.length > 0),
  };
}

/** True of an item whose period begins with the change. */
function isNew(before: Stripe.SubscriptionItem[], item: Stripe.SubscriptionItem): boolean {
  const old = before.find((each) => each.id === item.id);
  if (old !== undefined) return !isSamePeriod(old, item);
  return !before.some((each) => isSamePeriod(each, item));
}

function isSamePeriod(a: Stripe.SubscriptionItem, b: Stripe.SubscriptionItem): boolean {
  return (
    a.current_period_start === b.current_period_start &&
    a.current_period_end === b.current_period_end
  );
}

function prorationTime(
  subscription: Stripe.Subscription,
  asked: number | undefined,
  now: number,
): number {
  const { data } = subscription.items;
  const end = Math.min(...data.map((item) => item.current_period_end));
  const start = Math.max(...data.map((item) => item.current_period_start));
  if (asked === undefined) return Math.min(now, end);
  if (asked >= start && asked <= end) return asked;
  throw invalidParameter(
    "proration_date",
    `Invalid proration date: it must be within the current period (${start} to ${end}).`,
  );
}

/** What was paid for and is not used is given back; what takes its place is charged. */
function prorate(
  subscription: Stripe.Subscription,
  after: Stripe.SubscriptionItem[],
  at: number,
  share: number,
): Entry[] {
  const before = subscription.items.data;
  const entries: Entry[] = [];
  for (const old of before) {
    const kept = after.find((each) => each.id === old.id);
    const isUnchanged =
      kept !== undefined &&
      kept.price.id === old.price.id &&
      kept.quantity === old.quantity &&
      isSamePeriod(old, kept);
    if (isUnchanged) continue;
    if (!isMetered(old.price)) entries.push(unusedTime(old, at, share));
    if (kept !== undefined && isSamePeriod(old, kept) && !isMetered(kept.price)) {
      entries.push(remainingTime(kept, at, share));
    }
  }
  const added = after.filter((item) => !before.some((old) => old.id === item.id));
  for (const item of added) {
    if (!isNew(before, item) && !isMetered(item.price)) {
      entries.push(remainingTime(item, at, share));
    }
  }
  return entries;
}

/** The credit for what is left of the periods that are paid, if the subscription ended now. */
export function creditsFor(
  context: Context,
  subscription: Stripe.Subscription,
  asked?: number,
): Entry[] {
  if (!BILLED.has(subscription.status)) return [];
  const at = prorationTime(subscription, asked, context.clock.now());
  const share = shareLeft(context, discountsFor(context, subscription));
  return subscription.items.data
    .filter((item) => !isMetered(item.price))
    .map((item) => unusedTime(item, at, share));
}
