import type { JobHelpers, Task } from "graphile-worker";

import { stripeIdFrom } from "./payload.ts";
import {
  fetchCustomer,
  type ConfiguredPrices,
  type CustomerTruth,
  type StripeReader,
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
  stripe: StripeReader;
  gracePeriodDays: number;
  configuredPrices: ConfiguredPrices;
};

/**
 * Copies what a customer has at Stripe. Safe to run twice, in any order, at the same time: the
 * number taken before the fetch decides which copy stays.
 *
 * Costs three statements and four calls, three of them at once; of a customer that was deleted, one
 * call, for its invoices.
 */
export function stripeSyncCustomer(
  options: StripeSyncCustomerOptions,
): Task<"stripe_sync_customer"> {
  const { stripe, gracePeriodDays, configuredPrices } = options;

  return async function run(payload, { query, logger }) {
    const customerId = stripeIdFrom(payload, "customer_id", "cus");
    const { seq, isDeleted, unsettledInvoiceIds } = await begin(query, customerId);
    const truth = await fetchCustomer(stripe, customerId, {
      configuredPrices,
      unsettledInvoiceIds,
      isDeleted,
    });
    const isOurs = truth !== undefined && (await write(query, seq, truth, gracePeriodDays));
    if (!isOurs) logger.info(`Customer ${customerId} belongs to no tenant here; left alone`);
    await settleEvents(query, { customerId, seq, isOurs });
  };
}

/** Whether the customer is a tenant's: what was fetched is written then. */
async function write(
  query: JobHelpers["query"],
  seq: string,
  truth: CustomerTruth,
  gracePeriodDays: number,
): Promise<boolean> {
  if ((await record(query, seq, truth, gracePeriodDays)) !== "unknown") return true;
  // The event was faster than our own note of the customer, or the customer is not ours.
  if (!(await adopt(query, truth))) return false;
  return (await record(query, seq, truth, gracePeriodDays)) !== "unknown";
}

async function begin(
  query: JobHelpers["query"],
  customerId: string,
): Promise<{ seq: string; isDeleted: boolean; unsettledInvoiceIds: string[] }> {
  const { rows } = await query<{
    seq: string;
    is_deleted: boolean;
    unsettled_invoice_ids: string[];
  }>("select * from app_private.begin_customer_sync($1)", [customerId]);
  if (rows[0] === undefined) throw new Error("begin_customer_sync returned no row");
  const { seq, is_deleted: isDeleted, unsettled_invoice_ids: unsettledInvoiceIds } = rows[0];
  return { seq, isDeleted, unsettledInvoiceIds };
}

async function record(
  query: JobHelpers["query"],
  seq: string,
  truth: CustomerTruth,
  gracePeriodDays: number,
): Promise<string | undefined> {
  const { rows } = await query<{ result: string }>(
    "select app_private.record_stripe_customer($1, $2, $3) as result",
    [seq, JSON.stringify(truth), gracePeriodDays],
  );
  return rows[0]?.result;
}

async function adopt(query: JobHelpers["query"], truth: CustomerTruth): Promise<boolean> {
  const { id, claimed_tenant_id: tenantId, claimed_intent_id: intentId } = truth;
  if (tenantId === null || intentId === null) return false;
  const { rows } = await query<{ adopted: boolean }>(
    "select app_private.adopt_stripe_customer($1, $2, $3) as adopted",
    [id, tenantId, intentId],
  );
  return rows[0]?.adopted === true;
}
