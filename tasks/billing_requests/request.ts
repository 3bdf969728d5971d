/** What the kinds of billing requests have in common. */
import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import type { ConfiguredPrices } from "../stripe_customer_truth.ts";

/** An open request, as app_private.begin_billing_request returns it. */
export type BillingRequest = {
  id: string;
  tenant_id: string;
  kind: "checkout" | "portal" | "preview" | "change" | "cancel" | "resume";
  plan: string | null;
  interval: string | null;
  flow: "payment_method_update" | "subscription_cancel" | "subscription_update" | null;
  at_period_end: boolean | null;
  preview_id: string | null;
  success_url: string | null;
  cancel_url: string | null;
  return_url: string | null;
  /** In Unix seconds. */
  prorated_at: number | null;
  created_at: Date;
  key_generation: number;
  stripe_customer_id: string | null;
  customer_is_deleted: boolean;
  /** The one that was meant when it was asked, or that an earlier attempt found. */
  stripe_subscription_id: string | null;
  /** Those of our plans' prices. */
  lookup_keys: string[];
  /** Those of them that are billed by seat. */
  seat_keys: string[];
  /** How many seats those are sold for. */
  seats: number;
};

/** What came of it, as app_private.finish_billing_request takes it; times in Unix seconds. */
export type BillingResult = {
  url?: string | null;
  expires_at?: number | null;
  prorated_at?: number;
  total?: number;
  amount_due?: number;
  currency?: string;
  lines?: { description: string | null; amount: number }[];
  client_secret?: string | null;
};

/** Why a request fails for good; docs/frontend_billing.md explains each. */
export type RefusalCode =
  | "already_subscribed"
  | "card_declined"
  | "no_payment_method"
  | "no_subscription"
  | "not_sold"
  | "paused"
  | "payment_overdue"
  | "payment_processing"
  | "preview_outdated"
  | "refused"
  | "scheduled_change";

/** An answer that no repetition changes. The message is for people. */
export class BillingRefusal extends Error {
  override name = "BillingRefusal";
  readonly code: RefusalCode;
  /** With which Stripe.js can still pay what the request waits for. */
  readonly clientSecret: string | null;

  constructor(code: RefusalCode, message: string, clientSecret: string | null = null) {
    super(message);
    this.code = code;
    this.clientSecret = clientSecret;
  }
}

export type BillingStripe = Pick<
  Stripe,
  | "billingPortal"
  | "checkout"
  | "customers"
  | "invoices"
  | "paymentIntents"
  | "prices"
  | "subscriptions"
>;

/** What a kind needs to do its work. */
export type BillingWork = {
  stripe: BillingStripe;
  configuredPrices: ConfiguredPrices;
  request: BillingRequest;
  customerId: string;
  query: JobHelpers["query"];
};

/** The same for each attempt, until Stripe has answered one with 5xx. */
export function keyOf({ id, key_generation: generation }: BillingRequest, what: string) {
  return { idempotencyKey: `rowhouse:${what}:${id}:${generation}` };
}
