import type { JobHelpers, Task } from "graphile-worker";
import type Stripe from "stripe";

import { stripeIdFrom } from "./payload.ts";
import {
  fetchCustomer,
  type ConfiguredPrices,
  type CustomerTruth,
} from "./stripe_customer_truth.ts";
import { settleEvents } from "./stripe_settle_events.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_sync_customer: { customer_id: string };
    }
  }
}

export type StripeSyncCustomerOptions = {
  stripe: Pick<Stripe, "customers" | "subscriptions" | "subscriptionItems" | "invoices">;
  gracePeriodDays: number;
  configuredPrices: ConfiguredPrices;
};

/**
 * Copies what a customer has at Stripe. Safe to run twice, in any order, at the same time: the
 * number taken before the fetch decides which copy stays.
 */
export function stripeSyncCustomer(
  options: StripeSyncCustomerOptions,
): Task<"stripe_sync_customer"> {
  const { stripe, gracePeriodDays, configuredPrices } = options;

  return async function run(payload, { query, logger }) {
    const customerId = stripeIdFrom(payload, "customer_id", "cus");
    const { rows } = await query<{ seq: string }>("select app_private.next_sync_seq() as seq");

    const truth = await fetchCustomer(stripe, customerId, configuredPrices);
    const isOurs =
      truth !== undefined && (await write(query, rows[0]?.seq, truth, gracePeriodDays));
    await settleEvents(query, {
      customerId,
      seq: rows[0]?.seq,
      isOurs,
      claimedTenantId: truth?.intent?.tenantId,
    });
    if (!isOurs) logger.info(`Customer ${customerId} belongs to no tenant here; left alone`);
  };
}

/** Whether the customer is a tenant's; what was fetched is written then. */
async function write(
  query: JobHelpers["query"],
  seq: string | undefined,
  truth: CustomerTruth,
  gracePeriodDays: number,
): Promise<boolean> {
  if ((await record(query, seq, truth, gracePeriodDays)) !== "unknown") return true;
  // The event was faster than our own note of the customer, or the customer is not ours.
  if (!(await adopt(query, truth))) return false;
  return (await record(query, seq, truth, gracePeriodDays)) !== "unknown";
}

async function record(
  query: JobHelpers["query"],
  seq: string | undefined,
  truth: CustomerTruth,
  gracePeriodDays: number,
): Promise<string | undefined> {
  const { rows } = await query<{ result: string }>(
    "select app_private.record_stripe_customer($1, $2, $3, $4, $5) as result",
    [truth.id, seq, truth.isDeleted, JSON.stringify(truth.subscriptions), gracePeriodDays],
  );
  return rows[0]?.result;
}

async function adopt(query: JobHelpers["query"], truth: CustomerTruth): Promise<boolean> {
  if (truth.intent === undefined) return false;
  const { rows } = await query<{ adopted: boolean }>(
    "select app_private.adopt_stripe_customer($1, $2, $3) as adopted",
    [truth.id, truth.intent.tenantId, truth.intent.id],
  );
  return rows[0]?.adopted === true;
}
