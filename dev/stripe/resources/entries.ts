import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { usageOf } from "./usage.ts";

/** Something to be billed, before it stands on an invoice. */
export type Entry = {
  amount: number;
  description: string;
  isProration: boolean;
  isDiscountable: boolean;
  period: { start: number; end: number };
  price: Stripe.Price | null;
  quantity: number;
  /** The subscription's item that it is for. */
  item: string | null;
  /** The invoice item it waited in, if it was not billed at once. */
  invoiceItem: string | null;
};

/** What an item costs for its current period; nothing during a trial. */
export function periodEntry(item: Stripe.SubscriptionItem, isTrial = false): Entry {
  const quantity = item.quantity ?? 1;
  const entry = {
    isProration: false,
    isDiscountable: true,
    period: { start: item.current_period_start, end: item.current_period_end },
    price: item.price,
    item: item.id,
    invoiceItem: null,
  };
  if (isMetered(item.price)) return { ...entry, quantity: 0, amount: 0, description: nameOf(item) };
  return {
    ...entry,
    quantity,
    amount: isTrial ? 0 : Math.round(unitAmount(item.price) * quantity),
    description: isTrial ? "Trial period" : `${quantity} × ${nameOf(item)}`,
  };
}

/** What was used in a period that has ended. */
export function usageEntry(
  context: Context,
  customer: string,
  item: Stripe.SubscriptionItem,
  period: { start: number; end: number },
): Entry {
  const quantity = usageOf(context.store, item.price, customer, period);
  return {
    ...periodEntry(item),
    quantity,
    amount: Math.round(unitAmount(item.price) * quantity),
    description: `${quantity} × ${nameOf(item)}`,
    period,
  };
}

/** The credit for the part of an item's period that is given back from `at` on. */
export function unusedTime(item: Stripe.SubscriptionItem, at: number, share: number): Entry {
  return partial(item, at, -share, "Unused time on");
}

/** The charge for the part of an item's period that remains from `at` on. */
export function remainingTime(item: Stripe.SubscriptionItem, at: number, share: number): Entry {
  return partial(item, at, share, "Remaining time on");
}

/** `share` is what is left of the price after discounts, negative for a credit. */
function partial(
  item: Stripe.SubscriptionItem,
  at: number,
  share: number,
  description: string,
): Entry {
  const { current_period_start: start, current_period_end: end } = item;
  const whole = unitAmount(item.price) * (item.quantity ?? 1);
  const part = Math.round(whole * Math.abs(share) * ((end - at) / (end - start)));
  const day = new Date(at * 1000).toISOString().slice(0, 10);
  return {
    amount: share < 0 && part !== 0 ? -part : part,
    description: `${description} ${item.quantity ?? 1} × ${nameOf(item)} after ${day}`,
    isProration: true,
    isDiscountable: false,
    period: { start: at, end },
    price: item.price,
    quantity: item.quantity ?? 1,
    item: item.id,
    invoiceItem: null,
  };
}

/** The price of one; a price may have a fraction of a cent. */
export function unitAmount(price: Stripe.Price): number {
  return price.unit_amount ?? Number(price.unit_amount_decimal ?? 0);
}

/** True of a price that is billed by what was used. */
export function isMetered(price: Stripe.Price): boolean {
  return price.recurring?.usage_type === "metered";
}

function nameOf({ price }: Stripe.SubscriptionItem): string {
  return price.nickname ?? price.id;
}
