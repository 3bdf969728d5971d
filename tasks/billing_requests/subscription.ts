/** Which of a customer's subscriptions, and which of its items, a request is about. */
import type Stripe from "stripe";

import { findPrice } from "../stripe_provisioning.ts";
import { BillingRefusal, type BillingWork } from "./request.ts";

const NOT_ALIVE: ReadonlySet<string> = new Set(["incomplete", "incomplete_expired", "canceled"]);

/** More subscriptions than this are not a customer of ours but a mistake. */
const AT_MOST = 1000;

/** Whether it grants something, or would once it is paid for; so may a status that we don't know. */
export function isAlive({ status }: Stripe.Subscription): boolean {
  return !NOT_ALIVE.has(status);
}

/** All of the customer's, ended ones too, with the latest invoice and the state of its payment. */
export function listSubscriptions({
  stripe,
  customerId,
}: BillingWork): Promise<Stripe.Subscription[]> {
  return stripe.subscriptions
    .list({
      customer: customerId,
      status: "all",
      limit: 100,
      expand: ["data.latest_invoice.payments"],
    })
    .autoPagingToArray({ limit: AT_MOST });
}

/**
 * The one that was meant when it was asked, if it is among these. What has come since was not looked
 * at by whoever asked; only if we had not heard of any is it the first that is found, for good.
 */
export async function meantAmong(
  { request, query }: BillingWork,
  subscriptions: readonly Stripe.Subscription[],
): Promise<Stripe.Subscription | undefined> {
  const [first] = subscriptions;
  if (first === undefined) return undefined;
  let meant = request.stripe_subscription_id;
  if (meant === null) {
    const { rows } = await query<{ meant: string | null }>(
      "select app_private.mean_subscription($1, $2, $3) as meant",
      [request.tenant_id, request.id, first.id],
    );
    meant = rows[0]?.meant ?? null;
  }
  return subscriptions.find(({ id }) => id === meant);
}

/** The one that was meant, while it is alive. */
export async function aliveSubscription(work: BillingWork): Promise<Stripe.Subscription> {
  const subscription = await meantAmong(work, (await listSubscriptions(work)).filter(isAlive));
  if (subscription === undefined) {
    throw new BillingRefusal("no_subscription", "The subscription has ended meanwhile.");
  }
  return subscription;
}

/** Stripe changes nothing beside a schedule, and to release one would take back what it was made for. */
export function refuseScheduled({ schedule }: Stripe.Subscription): void {
  if (schedule === null) return;
  throw new BillingRefusal(
    "scheduled_change",
    "A change of the subscription is agreed on already. Please contact us.",
  );
}

/** The item of a plan, and which of our prices it was bought at. */
export type PlanItem = { item: Stripe.SubscriptionItem; lookupKey: string };

/** The item that is the plan's, whatever else is subscribed to and in whatever order. */
export async function planItem(
  { request, configuredPrices, query }: BillingWork,
  { items }: Stripe.Subscription,
): Promise<PlanItem> {
  // A price that another took the lookup key of is still the plan's, for who bought it before.
  const { rows } = await query<{ id: string; lookup_key: string | null }>(
    `select id, app_private.plan_lookup_key(price_id, lookup_key) as lookup_key
    from jsonb_to_recordset($1) as items (id text, price_id text, lookup_key text)`,
    [
      JSON.stringify(
        items.data.map(({ id, price }) => ({
          id,
          price_id: price.id,
          lookup_key: configuredPrices[price.id] ?? price.lookup_key,
        })),
      ),
    ],
  );
  const keys = new Map(rows.map(({ id, lookup_key }) => [id, lookup_key]));
  const ours = items.data.flatMap((item) => {
    const lookupKey = keys.get(item.id) ?? "";
    return request.lookup_keys.includes(lookupKey) ? [{ item, lookupKey }] : [];
  });
  const [found, second] = ours;
  if (found === undefined || second !== undefined || items.has_more) {
    throw new BillingRefusal(
      "refused",
      "The subscription was put together by hand, so it can't be changed here. Please contact us.",
    );
  }
  return found;
}

/** What an item becomes. Without a quantity it keeps the one it has. */
export type Wanted = { price: string; quantity?: number };

/**
 * The price of the plan asked for; without an interval, by the one that there is. Who asks for what
 * they have keeps the price they bought it at.
 */
export async function wantedPrice(
  work: BillingWork,
  { item: { price: present }, lookupKey: presentKey }: PlanItem,
): Promise<Wanted> {
  const { request, stripe, configuredPrices } = work;
  const interval = request.interval ?? present.recurring?.interval ?? "month";
  const lookupKey = `${request.plan}_${interval}`;
  if (lookupKey === presentKey) return { price: present.id };
  if (!request.lookup_keys.includes(lookupKey)) {
    throw new BillingRefusal("not_sold", "The plan is not sold by that interval.");
  }
  const price = requireSold(await findPrice(stripe, lookupKey, configuredPrices));
  const isBySeat = (key: string) => request.seat_keys.includes(key);
  // The seats of one plan are no quantity of another, and its preview must tell what it costs.
  return isBySeat(lookupKey) || isBySeat(presentKey)
    ? { price, quantity: soldQuantity(work, lookupKey) }
    : { price };
}

/** How many of a price are sold: as many as there are members where it is billed by seat. */
export function soldQuantity({ request }: BillingWork, lookupKey: string): number {
  return request.seat_keys.includes(lookupKey) ? request.seats : 1;
}

/** A price that was looked for among those that are sold. */
export function requireSold(price: string | undefined): string {
  if (price === undefined) {
    throw new BillingRefusal("not_sold", "The plan is not sold any more by that interval.");
  }
  return price;
}
