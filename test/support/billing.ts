/** What Stripe says of a customer, as the sync task hands it to SQL. */
import type pg from "pg";

import type { SubscriptionTruth } from "../../tasks/stripe_customer_truth.ts";
import { asWorker } from "./acting.ts";
import { rowOf } from "./query.ts";

/** 2026-11-01 00:00 UTC; everything in these tests happened after that. */
export const EPOCH = 1_793_491_200;
export const DAY = 86_400;

/** A subscription to pro that is paid; `change` says otherwise. */
export function subscription(change: Partial<SubscriptionTruth> = {}): SubscriptionTruth {
  return {
    id: "sub_1",
    status: "active",
    lookup_keys: ["pro_month"],
    current_period_start: EPOCH,
    current_period_end: EPOCH + 30 * DAY,
    cancel_at: null,
    past_due_since: null,
    client_secret: null,
    created: EPOCH,
    ...change,
  };
}

export type Recording = {
  customer?: string;
  seq: number;
  subscriptions?: readonly SubscriptionTruth[];
  isDeleted?: boolean;
  graceDays?: number;
};

/** Records what was fetched; the answer is recorded, stale or unknown. */
export async function record(client: pg.ClientBase, what: Recording): Promise<string> {
  const {
    customer = "cus_acme",
    seq,
    subscriptions = [],
    isDeleted = false,
    graceDays = 14,
  } = what;
  const { result } = await rowOf<{ result: string }>(
    client,
    "select app_private.record_stripe_customer($1, $2, $3, $4, $5) as result",
    [customer, seq, isDeleted, JSON.stringify(subscriptions), graceDays],
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

/** What the tenant's people see of its billing. */
export type Standing = {
  plan: string;
  status: string;
  access: string;
  access_reason: string;
  current_period_end: Date | null;
  cancel_at: Date | null;
  grace_ends_at: Date | null;
  subscription: string | null;
  client_secret: string | null;
};

export function standing(client: pg.ClientBase, tenantId: string): Promise<Standing> {
  return rowOf<Standing>(
    client,
    `select plan, status, access, access_reason, current_period_end, cancel_at, grace_ends_at,
      stripe_subscription_id as subscription, client_secret
    from app_public.tenants
    join app_public.billing_accounts on billing_accounts.tenant_id = tenants.id
    where tenants.id = $1`,
    [tenantId],
  );
}
