import type Stripe from "stripe";

import { isUuid } from "../server/auth/claims.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { debtSince, unpaidSince } from "./stripe_invoice_truth.ts";
import { idOf } from "./stripe_id.ts";
import { isLive } from "./stripe_provisioning.ts";
import { readAll } from "./stripe_read_all.ts";

/** What app_private.record_stripe_customer takes for each subscription; times in Unix seconds. */
export type SubscriptionTruth = {
  id: string;
  status: string;
  /** Whom its metadata name; see CustomerTruth. */
  claimed_tenant_id: string | null;
  items: ItemTruth[];
  current_period_start: number | null;
  current_period_end: number | null;
  trial_end: number | null;
  cancel_at: number | null;
  ended_at: number | null;
  cancellation_reason: string | null;
  pause_reason: string | null;
  pause_collection: string | null;
  pending_update_expires_at: number | null;
  schedule_id: string | null;
  past_due_since: number | null;
  unpaid_since: number | null;
  client_secret: string | null;
  created: number;
};

export type ItemTruth = {
  id: string;
  price_id: string;
  product_id: string;
  lookup_key: string | null;
  quantity: number | null;
  /** In the currency's smallest unit, exact: a number would round 0.105. */
  unit_amount_decimal: string | null;
  currency: string;
  interval: string | null;
  interval_count: number | null;
  usage_type: string | null;
  current_period_start: number;
  current_period_end: number;
};

/** Describes a subscription; asks Stripe only for items that did not come along with it. */
export async function subscriptionTruth(
  stripe: Pick<Stripe, "subscriptionItems">,
  subscription: Stripe.Subscription,
  known: { invoices: readonly Stripe.Invoice[]; configuredPrices: ConfiguredPrices },
): Promise<SubscriptionTruth> {
  const items = await allItems(stripe, subscription);
  const { latest_invoice: invoice, pause_collection: pause, pending_update } = subscription;
  const { tenant_id: tenantId } = subscription.metadata;
  // What is owed for one that has ended can be paid on the invoice's page, and brings nothing back.
  const isPayable =
    isLive(subscription) && typeof invoice === "object" && invoice?.status === "open";
  const periodEnd = earliest(items.map((item) => item.current_period_end));
  return {
    id: subscription.id,
    status: subscription.status,
    claimed_tenant_id: isUuid(tenantId) ? tenantId : null,
    items: items.map((item) => itemTruth(item, known.configuredPrices)),
    current_period_start: earliest(items.map((item) => item.current_period_start)),
    current_period_end: periodEnd,
    trial_end: subscription.trial_end,
    // Before flexible billing a cancellation at the period's end was a flag without a date.
    cancel_at: subscription.cancel_at ?? (subscription.cancel_at_period_end ? periodEnd : null),
    ended_at: subscription.ended_at,
    cancellation_reason: subscription.cancellation_details?.reason ?? null,
    pause_reason: subscription.status_details?.paused?.subscription?.type ?? null,
    pause_collection: pause?.behavior ?? null,
    pending_update_expires_at: pending_update?.expires_at ?? null,
    schedule_id: idOf(subscription.schedule),
    past_due_since: debtSince(subscription.id, known.invoices),
    unpaid_since: unpaidSince(subscription.id, known.invoices),
    client_secret: isPayable ? (invoice.confirmation_secret?.client_secret ?? null) : null,
    created: subscription.created,
  };
}

function itemTruth(
  { id, price, quantity, current_period_start, current_period_end }: Stripe.SubscriptionItem,
  configured: ConfiguredPrices,
): ItemTruth {
  const { recurring } = price;
  return {
    id,
    price_id: price.id,
    product_id: idOf(price.product) ?? "",
    lookup_key: configured[price.id] ?? price.lookup_key,
    quantity: quantity ?? null,
    unit_amount_decimal: price.unit_amount_decimal?.toString() ?? null,
    currency: price.currency,
    interval: recurring?.interval ?? null,
    interval_count: recurring?.interval_count ?? null,
    usage_type: recurring?.usage_type ?? null,
    current_period_start,
    current_period_end,
  };
}

async function allItems(
  { subscriptionItems }: Pick<Stripe, "subscriptionItems">,
  { id, items }: Stripe.Subscription,
): Promise<Stripe.SubscriptionItem[]> {
  if (!items.has_more) return items.data;
  return readAll(subscriptionItems.list({ subscription: id, limit: 100 }));
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}
