import type Stripe from "stripe";

import { isUuid } from "../server/auth/claims.ts";
import { isMissing } from "./stripe_client.ts";
import { fetchInvoices, invoiceTruth, type InvoiceTruth } from "./stripe_invoice_truth.ts";
import { readAll } from "./stripe_read_all.ts";
import { subscriptionTruth, type SubscriptionTruth } from "./stripe_subscription_truth.ts";

/**
 * Everything about a customer that we copy, as Stripe tells it now: what
 * app_private.record_stripe_customer takes. Times are in Unix seconds.
 */
export type CustomerTruth = {
  id: string;
  is_deleted: boolean;
  /** Whom its metadata name. Anybody may write those in the dashboard: they prove nothing. */
  claimed_tenant_id: string | null;
  claimed_intent_id: string | null;
  active_entitlements: string[];
  subscriptions: SubscriptionTruth[];
  invoices: InvoiceTruth[];
};

export type StripeReader = Pick<
  Stripe,
  "customers" | "subscriptions" | "subscriptionItems" | "invoices" | "entitlements"
>;

/** Lookup keys of prices that are configured by id, and may have none at Stripe. */
export type ConfiguredPrices = Readonly<Record<string, string>>;

/**
 * Asks Stripe for a customer; undefined when there is none of that id. Four calls, three of them at
 * once; more only for what fills more than a page, or is unsettled and older than a page of invoices.
 * One that is known to be deleted is not asked about, only its invoices are.
 */
export async function fetchCustomer(
  stripe: StripeReader,
  customerId: string,
  {
    configuredPrices,
    unsettledInvoiceIds,
    isDeleted,
  }: {
    configuredPrices: ConfiguredPrices;
    unsettledInvoiceIds: readonly string[];
    isDeleted: boolean;
  },
): Promise<CustomerTruth | undefined> {
  const deleted = () => fetchDeletedCustomer(stripe, customerId, unsettledInvoiceIds);
  if (isDeleted) return deleted();
  const customer = await found(stripe.customers.retrieve(customerId));
  if (customer === undefined) return undefined;
  if (customer.deleted === true) return deleted();

  const [subscriptions, entitlements, invoices] = await Promise.all([
    readAll(
      stripe.subscriptions.list({
        customer: customerId,
        status: "all",
        limit: 100,
        expand: ["data.latest_invoice.confirmation_secret"],
      }),
    ),
    readAll(stripe.entitlements.activeEntitlements.list({ customer: customerId, limit: 100 })),
    fetchInvoices(stripe, customerId, unsettledInvoiceIds),
  ]);
  const { tenant_id: tenantId, intent_id: intentId } = customer.metadata;
  return {
    id: customerId,
    is_deleted: false,
    claimed_tenant_id: isUuid(tenantId) ? tenantId : null,
    claimed_intent_id: isUuid(intentId) ? intentId : null,
    active_entitlements: entitlements.map(({ lookup_key }) => lookup_key),
    subscriptions: await Promise.all(
      subscriptions.map((subscription) =>
        subscriptionTruth(stripe, subscription, { invoices, configuredPrices }),
      ),
    ),
    invoices: invoices.map(invoiceTruth),
  };
}

/**
 * Deletion ends all a customer had but its invoices. What it owed stays open, uncollected, until it is
 * paid, voided or written off, as anybody's.
 */
async function fetchDeletedCustomer(
  stripe: StripeReader,
  id: string,
  unsettledInvoiceIds: readonly string[],
): Promise<CustomerTruth> {
  const invoices = await fetchInvoices(stripe, id, unsettledInvoiceIds);
  return {
    id,
    is_deleted: true,
    claimed_tenant_id: null,
    claimed_intent_id: null,
    active_entitlements: [],
    subscriptions: [],
    invoices: invoices.map(invoiceTruth),
  };
}

async function found<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
