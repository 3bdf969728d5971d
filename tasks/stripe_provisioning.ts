/** The calls to Stripe that provisioning makes. Each can be repeated: same intent, same words. */
import type Stripe from "stripe";

import { closePages, openPages } from "./stripe_pages.ts";

/** An open wish to subscribe, as app_private.begin_billing_intent returns it. */
export type BillingIntent = {
  tenant_id: string;
  id: string;
  key_generation: number;
  customer_email: string;
  customer_name: string;
  price_lookup_key: string;
  stripe_price_id: string | null;
  stripe_customer_id: string | null;
  created_at: Date;
  must_search: boolean;
  is_renewal: boolean;
};

/** What tells the customers of an intent from others. */
export type SearchedIntent = Pick<BillingIntent, "id" | "customer_email" | "created_at">;

export type StripeProvisioner = Pick<Stripe, "checkout" | "customers" | "prices" | "subscriptions">;

/** More customers of one e-mail address than this are not searched through. */
const SEARCH_AT_MOST = 1000;

/** Clocks differ: ours when it stamped the intent, Stripe's when it made the customer. */
const CLOCK_SKEW_SECONDS = 3600;

export async function createCustomer(
  stripe: StripeProvisioner,
  intent: BillingIntent,
): Promise<string> {
  const { id } = await stripe.customers.create(
    {
      email: intent.customer_email,
      name: intent.customer_name,
      metadata: metadataOf(intent),
    },
    keyOf(intent, "customer"),
  );
  return id;
}

/** A subscription that becomes active with its first payment. */
export async function createSubscription(
  stripe: StripeProvisioner,
  intent: BillingIntent,
  customerId: string,
  priceId: string,
): Promise<string> {
  const { id } = await stripe.subscriptions.create(
    {
      customer: customerId,
      items: [{ price: priceId }],
      payment_behavior: "default_incomplete",
      payment_settings: { save_default_payment_method: "on_subscription" },
      billing_mode: { type: "flexible" },
      metadata: metadataOf(intent),
    },
    keyOf(intent, "subscription"),
  );
  return id;
}

/** The customer that an earlier attempt made. Lists, because search lags behind writes. */
export async function findCustomer(
  stripe: Pick<Stripe, "customers">,
  intent: SearchedIntent,
): Promise<string | undefined> {
  const since = Math.floor(intent.created_at.getTime() / 1000) - CLOCK_SKEW_SECONDS;
  const customers = await stripe.customers
    .list({ email: intent.customer_email, created: { gte: since }, limit: 100 })
    .autoPagingToArray({ limit: SEARCH_AT_MOST });
  return customers.find(({ metadata }) => metadata["intent_id"] === intent.id)?.id;
}

/** The subscription that an earlier attempt made. */
export async function findSubscription(
  stripe: StripeProvisioner,
  intent: BillingIntent,
  customerId: string,
): Promise<string | undefined> {
  const subscriptions = await listSubscriptions(stripe, customerId);
  return subscriptions.find(({ metadata }) => metadata["intent_id"] === intent.id)?.id;
}

/**
 * A subscription of the customer's that has not ended, whoever made it. Looks once nobody can make
 * one any more on a page that was opened before.
 */
export async function findLive(
  stripe: StripeProvisioner,
  intent: BillingIntent,
  customerId: string,
): Promise<string | undefined> {
  const pages = await openPages({ stripe }, customerId);
  await closePages({ stripe }, pages, (what) => keyOf(intent, what));
  return (await listSubscriptions(stripe, customerId)).find(isLive)?.id;
}

/** Whether a subscription has not ended. */
export function isLive({ status }: Pick<Stripe.Subscription, "status">): boolean {
  return status !== "canceled" && status !== "incomplete_expired";
}

/** All subscriptions of a customer, the ended ones too. */
export function listSubscriptions(
  stripe: Pick<Stripe, "subscriptions">,
  customerId: string,
): Promise<Stripe.Subscription[]> {
  return stripe.subscriptions
    .list({ customer: customerId, status: "all", limit: 100 })
    .autoPagingToArray({ limit: SEARCH_AT_MOST });
}

/** The price of `<plan>_<interval>` that is sold: the configured one, else Stripe's by lookup key. */
export async function findPrice(
  stripe: Pick<Stripe, "prices">,
  lookupKey: string,
  configured: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const [configuredId] = Object.entries(configured).find(([, key]) => key === lookupKey) ?? [];
  if (configuredId !== undefined) return configuredId;
  const { data } = await stripe.prices.list({ lookup_keys: [lookupKey], active: true, limit: 1 });
  return data[0]?.id;
}

function metadataOf(intent: BillingIntent): Stripe.MetadataParam {
  return { tenant_id: intent.tenant_id, intent_id: intent.id };
}

/** The same for each attempt, until Stripe has answered one with 5xx. */
function keyOf({ id, key_generation: generation }: BillingIntent, what: string) {
  return { idempotencyKey: `rowhouse:${what}:${id}:${generation}` };
}
