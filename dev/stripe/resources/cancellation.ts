import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import * as p from "../params.ts";
import { future } from "./shared.ts";
import { nextRenewal } from "./periods_of.ts";

/** A time, or the end of the first or the last of the items' periods; an empty one takes it back. */
export const cancelAtField = p.emptyable(
  p.either(p.oneOf("min_period_end", "max_period_end"), p.integer),
);
type CancelAt = ReturnType<typeof cancelAtField>;
type Params = { cancel_at?: CancelAt; cancel_at_period_end?: boolean };

/** Refuses an end that lies in the past. */
export function checkCancelAt(context: Context, { cancel_at: at }: Params): void {
  if (typeof at === "number") future(at, context.clock.now(), "cancel_at");
}

/** Plans the end of a subscription, or takes that plan back. */
export function scheduleEnd(
  context: Context,
  subscription: Stripe.Subscription,
  params: Params,
): void {
  const isAsked = params.cancel_at !== undefined || params.cancel_at_period_end !== undefined;
  if (!isAsked) return;
  const at = endAsked(subscription, params);
  subscription.cancel_at_period_end = params.cancel_at_period_end ?? false;
  subscription.cancel_at = at;
  subscription.canceled_at = at === null ? null : context.clock.now();
  if (subscription.cancellation_details !== null) {
    subscription.cancellation_details.reason = at === null ? null : "cancellation_requested";
  }
}

function endAsked(subscription: Stripe.Subscription, params: Params): number | null {
  if (params.cancel_at_period_end === true) return nextRenewal(subscription);
  if (params.cancel_at === "min_period_end") return nextRenewal(subscription);
  if (params.cancel_at === "max_period_end") {
    return Math.max(...subscription.items.data.map((item) => item.current_period_end));
  }
  return params.cancel_at ?? null;
}
