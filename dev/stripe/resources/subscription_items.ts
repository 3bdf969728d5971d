import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { periodEnd } from "../periods.ts";
import { route } from "../route.ts";
import { copy, newId } from "../store.ts";
import { isMetered } from "./entries.ts";
import { intervalOf, isRenewable } from "./periods_of.ts";
import { found } from "./shared.ts";

const LIST = { required: { subscription: p.text }, optional: PAGE };
const CHANGE = { id: p.text, price: p.text, quantity: p.integer, metadata: p.metadata };

/** An item as an update names it: by `id` to change it, by `price` alone to add it. */
export const itemChange = p.shape({}, { ...CHANGE, deleted: p.boolean });
type ItemChange = ReturnType<typeof itemChange>;

/** An item of a new subscription. */
export const newItem = p.shape({ price: p.text }, { quantity: p.integer, metadata: p.metadata });

/** The endpoints under /v1/subscription_items. */
export const subscriptionItemRoutes = [
  route("GET", "/v1/subscription_items", LIST, (context, params) => {
    const { subscriptions } = context.store;
    const { items } = found(subscriptions, "subscription", params.subscription, "subscription");
    const url = `/v1/subscription_items?subscription=${params.subscription}`;
    return page(items.data.toReversed(), params, url);
  }),
  route("GET", "/v1/subscription_items/:id", {}, (context, _params, id) => {
    const all = [...context.store.subscriptions.values()].flatMap((each) => each.items.data);
    return found(new Map(all.map((item) => [item.id, item])), "subscription_item", id);
  }),
];

/** A recurring price that can be subscribed to. */
export function subscribable(context: Context, id: string, param: string): Stripe.Price {
  const price = found(context.store.prices, "price", id, param);
  if (!price.active) {
    throw invalidParameter(
      param,
      "The price specified is inactive. This field only accepts active prices.",
    );
  }
  if (price.recurring === null) {
    throw invalidParameter(
      param,
      "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
    );
  }
  return price;
}

/** Makes an item whose first period runs from `start` to `end`, or for its price's interval. */
export function makeItem(
  context: Context,
  subscription: string,
  price: Stripe.Price,
  given: { quantity?: number; metadata?: Record<string, string> | null },
  period: { start: number; end?: number },
): Stripe.SubscriptionItem {
  return {
    id: newId("si"),
    object: "subscription_item",
    billing_thresholds: null,
    created: context.clock.now(),
    current_period_end: period.end ?? periodEnd(period.start, period.start, intervalOf(price)),
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: p.mergeMetadata({}, given.metadata),
    plan: planOf(price),
    price: copy(price),
    ...(isMetered(price) ? {} : { quantity: given.quantity ?? 1 }),
    subscription,
    tax_rates: [],
  };
}

/** Makes the changes asked for to copies of a subscription's items. */
export function changeItems(
  context: Context,
  subscription: Stripe.Subscription,
  changes: ItemChange[],
): Stripe.SubscriptionItem[] {
  let items = subscription.items.data.map((item) => ({ ...item }));
  changes.forEach((given, index) => {
    const at = `items[${index}]`;
    const price =
      given.price === undefined ? undefined : subscribable(context, given.price, `${at}[price]`);
    if (given.id === undefined) {
      items.push(addition(context, subscription, items, price, given, at));
      return;
    }
    const item = items.find((each) => each.id === given.id);
    if (item === undefined) {
      throw invalidParameter(
        `${at}[id]`,
        `No such subscription item: '${given.id}'`,
        "resource_missing",
      );
    }
    if (given.deleted === true) items = items.filter((each) => each !== item);
    else assign(context, subscription, item, price, given);
  });
  if (items.length === 0) {
    throw invalidParameter("items", "A subscription must have at least one active item.");
  }
  return items;
}

function addition(
  context: Context,
  subscription: Stripe.Subscription,
  items: Stripe.SubscriptionItem[],
  price: Stripe.Price | undefined,
  given: ItemChange,
  at: string,
): Stripe.SubscriptionItem {
  if (price === undefined)
    throw invalidParameter(`${at}[price]`, "Pass the item's id, or a price.");
  if (items.some((item) => item.price.id === price.id)) {
    throw invalidParameter(
      `${at}[price]`,
      `Cannot add multiple subscription items with the same price: ${price.id}`,
    );
  }
  return makeItem(context, subscription.id, price, given, periodOfNew(context, items, price));
}

/** A new item joins the period of one with the same interval; else it starts one now. */
function periodOfNew(context: Context, items: Stripe.SubscriptionItem[], price: Stripe.Price) {
  const peer = items.find((item) => isSameInterval(item.price, price));
  return peer === undefined
    ? { start: context.clock.now() }
    : { start: peer.current_period_start, end: peer.current_period_end };
}

function isSameInterval(a: Stripe.Price, b: Stripe.Price): boolean {
  const [one, other] = [intervalOf(a), intervalOf(b)];
  return one.interval === other.interval && one.interval_count === other.interval_count;
}

/** A price with another interval starts a new period now; otherwise the period stays. */
function assign(
  context: Context,
  subscription: Stripe.Subscription,
  item: Stripe.SubscriptionItem,
  price: Stripe.Price | undefined,
  given: ItemChange,
): void {
  if (given.quantity !== undefined && isMetered(price ?? item.price)) {
    throw invalidParameter("items", "You cannot set a quantity of a price that is metered.");
  }
  if (given.quantity !== undefined) item.quantity = given.quantity;
  item.metadata = p.mergeMetadata(item.metadata, given.metadata);
  if (price === undefined) return;
  const goesOn = isSameInterval(item.price, price) || subscription.status === "trialing";
  item.price = copy(price);
  item.plan = planOf(price);
  if (goesOn || !isRenewable(subscription)) return;
  item.current_period_start = context.clock.now();
  item.current_period_end = periodEnd(context.clock.now(), context.clock.now(), intervalOf(price));
}

/** The older name for a recurring price, which items still carry. */
function planOf(price: Stripe.Price): Stripe.Plan {
  const { interval, interval_count } = intervalOf(price);
  return {
    id: price.id,
    object: "plan",
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval,
    interval_count,
    livemode: false,
    metadata: price.metadata,
    meter: price.recurring?.meter ?? null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: price.recurring?.usage_type ?? "licensed",
  };
}
