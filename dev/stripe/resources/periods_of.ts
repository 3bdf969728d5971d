import type { Stripe } from "stripe";

import { periodEnd } from "../periods.ts";
import type { Interval } from "../periods.ts";

const RENEWABLE: ReadonlySet<string> = new Set(["active", "trialing", "past_due", "unpaid"]);

/** True of a subscription whose periods follow one another. */
export function isRenewable(subscription: Stripe.Subscription): boolean {
  return RENEWABLE.has(subscription.status);
}

/** When the first of the items' periods ends: the subscription's next invoice. */
export function nextRenewal(subscription: Stripe.Subscription): number {
  return Math.min(...subscription.items.data.map((item) => item.current_period_end));
}

/** The interval an item is billed by. */
export function intervalOf(price: Stripe.Price): Interval {
  return price.recurring ?? { interval: "month", interval_count: 1 };
}

/**
 * The end of an item's period that starts at `start`: on the grid of the subscription's anchor, or
 * on its own if it began between that grid's lines.
 */
export function endOf(anchor: number, item: Stripe.SubscriptionItem, start: number): number {
  const interval = intervalOf(item.price);
  const isOnGrid =
    start === anchor || (start > anchor && periodEnd(anchor, start - 1, interval) === start);
  return periodEnd(isOnGrid ? anchor : start, start, interval);
}
