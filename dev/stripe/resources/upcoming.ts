import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emitUpcoming } from "../events.ts";
import { discountsFor } from "./discounting.ts";
import { composeInvoice } from "./invoice_draft.ts";
import { waitingEntries } from "./invoice_items.ts";
import { isRenewable, nextRenewal } from "./periods_of.ts";
import { nextEntries } from "./renewal.ts";

/** An account may choose from 3 to 45 days; this is what it has if it doesn't. */
const NOTICE = 7 * 86_400;

/**
 * When the next invoice of a subscription is announced, and under which name that is remembered.
 * Nothing is announced of a period that is shorter than the notice, or that no other follows.
 */
export function upcomingNotice(
  subscription: Stripe.Subscription,
): { at: number; notice: string } | undefined {
  if (!isRenewable(subscription) || subscription.status === "unpaid") return undefined;
  const renewal = nextRenewal(subscription);
  const end = subscription.cancel_at;
  if (end !== null && end <= renewal) return undefined;
  const begins = subscription.items.data.map((item) => item.current_period_start);
  const at = renewal - NOTICE;
  if (at <= Math.min(...begins)) return undefined;
  return { at, notice: `upcoming:${subscription.id}:${renewal}` };
}

/** Announces the next invoice as it would be now. It does not exist, and so it has no id. */
export function announceUpcoming(context: Context, subscription: Stripe.Subscription): void {
  const entries = [...waitingEntries(context, subscription), ...nextEntries(context, subscription)];
  if (entries.length === 0) return;
  const at = nextRenewal(subscription);
  const discounts = discountsFor(context, subscription);
  const billed = { entries, discounts, reason: "upcoming" } as const;
  const { id: _id, ...invoice } = composeInvoice(context, subscription, billed);
  emitUpcoming(context, {
    ...invoice,
    period_start: subscription.items.data[0]?.current_period_start ?? at,
    period_end: at,
    next_payment_attempt: at + 3600,
  });
}
