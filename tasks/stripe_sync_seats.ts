import type { JobHelpers, Task } from "graphile-worker";
import type Stripe from "stripe";

import { uuidFrom } from "./payload.ts";
import { isInDoubt, isMissing } from "./stripe_client.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { seatItems, type SeatItem } from "./stripe_seat_items.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_sync_seats: { tenant_id: string };
    }
  }
}

export type StripeSyncSeatsOptions = {
  stripe: Pick<Stripe, "subscriptions" | "subscriptionItems">;
  configuredPrices: ConfiguredPrices;
};

type SeatChange = {
  quantity: number;
  proration_behavior: "create_prorations" | "none";
  generation: number;
  begun_at: Date;
};

/** A change is two steps at most: what is paid for is filled, then what is charged is added. */
const LOOKS_AT_MOST = 3;

/**
 * Sets the quantity of what a tenant is billed by seat to the number of its members. The number is
 * counted here and now and is absolute, and Stripe is asked first what it has: so it does not matter
 * how often this runs, nor which change booked it.
 */
export function stripeSyncSeats(options: StripeSyncSeatsOptions): Task<"stripe_sync_seats"> {
  return async function run(payload, { query, logger }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const { rows } = await query<{ id: string }>(
      `select id from app_private.stripe_subscriptions
      where tenant_id = $1 and status in ('trialing', 'active', 'past_due')`,
      [tenantId],
    );
    for (const { id } of rows) {
      for (let look = 0; look < LOOKS_AT_MOST; look += 1) {
        const subscription = await changeable(options.stripe, id);
        if (subscription === undefined) break;
        if (subscription.schedule !== null) {
          logger.warn(`Subscription ${id} has a schedule, which sets its quantities: left alone`);
          break;
        }
        const items = await seatItems(options.stripe, query, subscription, {
          tenantId,
          configured: options.configuredPrices,
        });
        if (!(await changeOne(options.stripe, query, { tenantId, id, items }))) break;
      }
    }
  };
}

/** Undefined when it has ended, or while a change of plan waits for its payment. */
async function changeable(
  stripe: StripeSyncSeatsOptions["stripe"],
  id: string,
): Promise<Stripe.Subscription | undefined> {
  try {
    const subscription = await stripe.subscriptions.retrieve(id);
    const isLive = ["trialing", "active", "past_due"].includes(subscription.status);
    return isLive && subscription.pending_update === null ? subscription : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Makes the first change that is due; false when none is. */
async function changeOne(
  stripe: StripeSyncSeatsOptions["stripe"],
  query: JobHelpers["query"],
  { tenantId, id, items }: { tenantId: string; id: string; items: readonly SeatItem[] },
): Promise<boolean> {
  for (const { itemId, lookupKey, quantity: current, periodStart } of items) {
    const { rows } = await query<SeatChange>(
      "select * from app_private.begin_seat_change($1, $2, $3, $4, to_timestamp($5))",
      [tenantId, itemId, lookupKey, current, periodStart],
    );
    const [change] = rows;
    if (change === undefined) continue;
    const { quantity, proration_behavior: proration, generation, begun_at: begunAt } = change;
    // The time, because a restored backup counts its generations once more.
    const wish = `${generation}:${begunAt.getTime()}`;
    const end = (isInDoubtNow: boolean) =>
      query("select app_private.end_seat_change($1, $2, $3, $4)", [
        tenantId,
        itemId,
        generation,
        isInDoubtNow,
      ]);
    try {
      await stripe.subscriptions.update(
        id,
        { items: [{ id: itemId, quantity }], proration_behavior: proration },
        { idempotencyKey: `rowhouse:seats:${tenantId}:${itemId}:${wish}` },
      );
    } catch (error) {
      if (isInDoubt(error)) await end(true);
      throw error;
    }
    await end(false);
    return true;
  }
  return false;
}
