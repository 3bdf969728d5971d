import type Stripe from "stripe";

import { isUuid } from "../server/auth/claims.ts";
import { isMissing } from "./stripe_client.ts";

/** What app_private.record_stripe_customer takes for each subscription; times in Unix seconds. */
export type SubscriptionTruth = {
  id: string;
  status: string;
  lookup_keys: string[];
  current_period_start: number | null;
  current_period_end: number | null;
  cancel_at: number | null;
  past_due_since: number | null;
  client_secret: string | null;
  created: number;
};

/** Everything about a customer that decides access, as Stripe tells it now. */
export type CustomerTruth = {
  id: string;
  isDeleted: boolean;
  /** The intent that the customer was made for, when it was made by us. */
  intent: { tenantId: string; id: string } | undefined;
  subscriptions: SubscriptionTruth[];
};

type StripeReader = Pick<Stripe, "customers" | "subscriptions" | "subscriptionItems" | "invoices">;

/** More of anything than this is not a customer of ours but a mistake. */
const AT_MOST = 1000;

/** Lookup keys of prices that are configured by id, and may have none at Stripe. */
export type ConfiguredPrices = Readonly<Record<string, string>>;

/** Asks Stripe for a customer; undefined when there is none of that id. */
export async function fetchCustomer(
  stripe: StripeReader,
  customerId: string,
  configured: ConfiguredPrices,
): Promise<CustomerTruth | undefined> {
  const customer = await found(stripe.customers.retrieve(customerId));
  if (customer === undefined) return undefined;
  if (customer.deleted === true) {
    return { id: customerId, isDeleted: true, intent: undefined, subscriptions: [] };
  }

  const [subscriptions, openInvoices] = await Promise.all([
    stripe.subscriptions
      .list({
        customer: customerId,
        status: "all",
        limit: 100,
        expand: ["data.latest_invoice.confirmation_secret"],
      })
      .autoPagingToArray({ limit: AT_MOST }),
    stripe.invoices
      .list({ customer: customerId, status: "open", limit: 100 })
      .autoPagingToArray({ limit: AT_MOST }),
  ]);
  return {
    id: customerId,
    isDeleted: false,
    intent: intentOf(customer.metadata),
    subscriptions: await Promise.all(
      subscriptions.map((subscription) => describe(stripe, subscription, openInvoices, configured)),
    ),
  };
}

async function describe(
  stripe: StripeReader,
  subscription: Stripe.Subscription,
  openInvoices: readonly Stripe.Invoice[],
  configured: ConfiguredPrices,
): Promise<SubscriptionTruth> {
  const items = await allItems(stripe, subscription);
  const { latest_invoice: invoice } = subscription;
  const isPayable = typeof invoice === "object" && invoice?.status === "open";
  return {
    id: subscription.id,
    status: subscription.status,
    lookup_keys: items.flatMap(({ price }) => configured[price.id] ?? price.lookup_key ?? []),
    current_period_start: earliest(items.map((item) => item.current_period_start)),
    current_period_end: earliest(items.map((item) => item.current_period_end)),
    // Before flexible billing a cancellation at the period's end was a flag without a date.
    cancel_at:
      subscription.cancel_at ??
      (subscription.cancel_at_period_end
        ? earliest(items.map((item) => item.current_period_end))
        : null),
    past_due_since: earliest(
      openInvoices
        .filter((open) => subscriptionOf(open) === subscription.id)
        .flatMap((open) => open.status_transitions.finalized_at ?? []),
    ),
    client_secret: isPayable ? (invoice.confirmation_secret?.client_secret ?? null) : null,
    created: subscription.created,
  };
}

async function allItems(
  stripe: StripeReader,
  { id, items }: Stripe.Subscription,
): Promise<Stripe.SubscriptionItem[]> {
  if (!items.has_more) return items.data;
  return stripe.subscriptionItems
    .list({ subscription: id, limit: 100 })
    .autoPagingToArray({ limit: AT_MOST });
}

function subscriptionOf(invoice: Stripe.Invoice): string | undefined {
  const subscription = invoice.parent?.subscription_details?.subscription;
  return typeof subscription === "string" ? subscription : subscription?.id;
}

function intentOf(metadata: Stripe.Metadata): CustomerTruth["intent"] {
  const { tenant_id: tenantId, intent_id: id } = metadata;
  return isUuid(tenantId) && isUuid(id) ? { tenantId, id } : undefined;
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}

async function found<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
