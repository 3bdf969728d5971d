/** What Stripe says of a customer, as the sync task hands it to SQL. */
import type pg from "pg";

import type { CustomerTruth } from "../../tasks/stripe_customer_truth.ts";
import type { InvoiceTruth } from "../../tasks/stripe_invoice_truth.ts";
import type { ItemTruth, SubscriptionTruth } from "../../tasks/stripe_subscription_truth.ts";
import { asWorker } from "./acting.ts";
import { rowOf, rowsOf } from "./query.ts";

/** 2026-11-01 00:00 UTC; everything in these tests happened after that. */
export const EPOCH = 1_793_491_200;
export const DAY = 86_400;

/** A subscription to pro that is paid; `change` says otherwise, its prices by their lookup keys. */
export function subscription({
  lookup_keys = ["pro_month"],
  ...change
}: Partial<SubscriptionTruth> & { lookup_keys?: string[] } = {}): SubscriptionTruth {
  return {
    id: "sub_1",
    status: "active",
    claimed_tenant_id: null,
    items: lookup_keys.map(item),
    current_period_start: EPOCH,
    current_period_end: EPOCH + 30 * DAY,
    trial_end: null,
    cancel_at: null,
    ended_at: null,
    cancellation_reason: null,
    pause_reason: null,
    pause_collection: null,
    pending_update_expires_at: null,
    schedule_id: null,
    past_due_since: null,
    unpaid_since: null,
    client_secret: null,
    created: EPOCH,
    ...change,
  };
}

function item(lookup_key: string): ItemTruth {
  return {
    id: `si_${lookup_key}`,
    price_id: `price_${lookup_key}`,
    product_id: `prod_${lookup_key}`,
    lookup_key,
    quantity: 1,
    unit_amount_decimal: "4900",
    currency: "usd",
    interval: "month",
    interval_count: 1,
    usage_type: "licensed",
    current_period_start: EPOCH,
    current_period_end: EPOCH + 30 * DAY,
  };
}

/** An invoice of 49 USD for sub_1 that is paid; `change` says otherwise. */
export function invoice(change: Partial<InvoiceTruth> = {}): InvoiceTruth {
  return {
    id: "in_1",
    customer_id: "cus_acme",
    subscription_id: "sub_1",
    number: "ACME-0001",
    status: "paid",
    billing_reason: "subscription_create",
    attempt_count: 1,
    next_payment_attempt: null,
    currency: "usd",
    amount_due: 4900,
    amount_paid: 4900,
    amount_remaining: 0,
    hosted_invoice_url: "https://invoice.stripe.com/i/in_1",
    invoice_pdf: "https://pay.stripe.com/invoice/in_1/pdf",
    period_start: EPOCH,
    period_end: EPOCH,
    finalized_at: EPOCH,
    paid_at: EPOCH,
    created: EPOCH,
    ...change,
  };
}

export type Recording = Partial<Omit<CustomerTruth, "id" | "is_deleted" | "subscriptions">> & {
  customer?: string;
  seq: number;
  subscriptions?: readonly SubscriptionTruth[];
  isDeleted?: boolean;
  graceDays?: number;
};

/** Records what was fetched; the answer is recorded, stale or unknown. */
export async function record(client: pg.ClientBase, what: Recording): Promise<string> {
  const { customer = "cus_acme", seq, isDeleted = false, graceDays = 14, ...truth } = what;
  const { result } = await rowOf<{ result: string }>(
    client,
    "select app_private.record_stripe_customer($1, $2, $3) as result",
    [
      seq,
      JSON.stringify({
        id: customer,
        is_deleted: isDeleted,
        claimed_tenant_id: null,
        claimed_intent_id: null,
        active_entitlements: [],
        subscriptions: [],
        invoices: [],
        ...truth,
      }),
      graceDays,
    ],
  );
  return result;
}

/** The same, as a task does it. */
export function recordAsWorker(client: pg.ClientBase, what: Recording): Promise<string> {
  return asWorker(client, () => record(client, what));
}

/** Ties a customer to a tenant that was not provisioned, which is then as one is before that. */
export async function tieCustomer(
  client: pg.ClientBase,
  tenantId: string,
  customer = "cus_acme",
): Promise<void> {
  await client.query(
    "update app_public.tenants set status = 'provisioning', access = 'none', access_reason = 'provisioning' where id = $1",
    [tenantId],
  );
  await client.query("select app_private.record_intent_customer($1, $2)", [tenantId, customer]);
}

/** Lets time pass: whatever was noted of debts and of statuses unknown was noted earlier. */
export async function earlier(client: pg.ClientBase, by: string): Promise<void> {
  await client.query(
    `update app_private.stripe_subscriptions set
      past_due_since = past_due_since - $1::interval,
      grace_ends_at = grace_ends_at - $1::interval,
      unknown_since = unknown_since - $1::interval`,
    [by],
  );
  await client.query(
    `update app_public.tenants set
      grace_ends_at = grace_ends_at - $1::interval,
      access_until = access_until - $1::interval`,
    [by],
  );
}

/** The ends of grace periods that are booked. */
export function bookedEnds(client: pg.ClientBase): Promise<{ run_at: Date; key: string }[]> {
  return rowsOf(
    client,
    "select run_at, key from graphile_worker._private_jobs where key like 'end_grace_period:%'",
  );
}

/** What the tenant's people see of its billing. */
export type Standing = {
  plan: string;
  status: string;
  access: string;
  access_reason: string;
  current_period_end: Date | null;
  cancel_at: Date | null;
  grace_ends_at: Date | null;
  trial_ends_at: Date | null;
  access_until: Date | null;
  subscription: string | null;
  client_secret: string | null;
};

export function standing(client: pg.ClientBase, tenantId: string): Promise<Standing> {
  return rowOf<Standing>(
    client,
    `select plan, status, access, access_reason, current_period_end, cancel_at, grace_ends_at,
      trial_ends_at, access_until, stripe_subscription_id as subscription, client_secret
    from app_public.tenants
    join app_public.billing_accounts on billing_accounts.tenant_id = tenants.id
    where tenants.id = $1`,
    [tenantId],
  );
}
