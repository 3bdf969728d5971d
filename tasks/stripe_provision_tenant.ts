import type { JobHelpers, Task } from "graphile-worker";

import { uuidFrom } from "./payload.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import {
  createCustomer,
  createSubscription,
  findCustomer,
  findLive,
  findPrice,
  findSubscription,
  type BillingIntent,
  type StripeProvisioner,
} from "./stripe_provisioning.ts";
import { isInDoubt, isMissing, isRefused } from "./stripe_client.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_provision_tenant: { tenant_id: string };
    }
  }
}

export type StripeProvisionTenantOptions = {
  stripe: StripeProvisioner;
  configuredPrices: ConfiguredPrices;
};

type Query = JobHelpers["query"];

/** What an intent wishes for is not sold at the moment. Its customer is there by then. */
export class NotSoldError extends Error {
  override name = "NotSoldError";
  readonly intentId: string;

  constructor({ id, price_lookup_key: lookupKey }: BillingIntent) {
    super(
      `Stripe has no active price with lookup key "${lookupKey}". ` +
        "Create it there, or run: npm run stripe:sync-catalog",
    );
    this.intentId = id;
  }
}

/**
 * Makes a tenant's Stripe customer and its incomplete subscription. Each id is stored before the
 * next step, each call carries the intent's idempotency key: run again after a crash anywhere, it
 * goes on where it stopped.
 */
export function stripeProvisionTenant(
  options: StripeProvisionTenantOptions,
): Task<"stripe_provision_tenant"> {
  return async function run(payload, { query, logger }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const intent = await beginIntent(query, tenantId);
    if (intent === undefined) return;
    try {
      await provision(options, query, intent);
    } catch (error) {
      if (isInDoubt(error)) {
        await query("select app_private.doubt_intent($1, $2)", [tenantId, intent.id]);
      } else if (isMissing(error) && error.param === "customer") {
        // Deleted meanwhile: the next attempt makes another, under other keys.
        await query("select app_private.forget_stripe_customer($1, $2)", [
          tenantId,
          intent.stripe_customer_id,
        ]);
      } else if (isRefused(error)) {
        // The same words under the same keys would be refused for ever.
        logger.error(`Stripe refuses to provision tenant ${tenantId}: ${error.message}`);
        await query("select app_private.fail_intent($1, $2, $3)", [
          tenantId,
          intent.id,
          error.message,
        ]);
        return;
      }
      throw error;
    }
  };
}

async function provision(
  { stripe, configuredPrices }: StripeProvisionTenantOptions,
  query: Query,
  intent: BillingIntent,
): Promise<void> {
  const foundId = intent.must_search ? await searchStripe(stripe, query, intent) : undefined;
  const isCustomerNew = intent.stripe_customer_id === null;
  intent.stripe_customer_id ??= await recordCustomer(
    query,
    intent,
    await createCustomer(stripe, intent),
  );
  // None counts: the tenant was closed meanwhile, and what was made is being discarded.
  if (intent.stripe_customer_id === null) return;

  const customerId = intent.stripe_customer_id;
  const liveId =
    foundId === undefined && intent.is_renewal && !isCustomerNew
      ? await findLive(stripe, intent, customerId)
      : undefined;
  const subscriptionId =
    foundId ??
    liveId ??
    (await createSubscription(
      stripe,
      intent,
      customerId,
      await ensurePrice(stripe, query, intent, configuredPrices),
    ));
  await query(
    `select
      app_private.record_intent_subscription($1, $2, $3, $4),
      app_private.request_customer_sync($5)`,
    [intent.tenant_id, intent.id, subscriptionId, liveId === undefined, customerId],
  );
}

async function beginIntent(query: Query, tenantId: string): Promise<BillingIntent | undefined> {
  const { rows } = await query<Omit<BillingIntent, "tenant_id">>(
    "select * from app_private.begin_billing_intent($1)",
    [tenantId],
  );
  return rows[0] === undefined ? undefined : { ...rows[0], tenant_id: tenantId };
}

/**
 * Looks for what an earlier attempt may have left at Stripe, and returns the subscription; what is
 * missing gets fresh keys.
 */
async function searchStripe(
  stripe: StripeProvisioner,
  query: Query,
  intent: BillingIntent,
): Promise<string | undefined> {
  if (intent.stripe_customer_id === null) {
    const foundId = await findCustomer(stripe, intent);
    if (foundId !== undefined) {
      intent.stripe_customer_id = await recordCustomer(query, intent, foundId);
    }
  }
  const subscriptionId =
    intent.stripe_customer_id === null
      ? undefined
      : await findSubscription(stripe, intent, intent.stripe_customer_id);
  if (subscriptionId === undefined) {
    const { rows } = await query<{ generation: number }>(
      "select app_private.settle_intent_doubt($1, $2) as generation",
      [intent.tenant_id, intent.id],
    );
    intent.key_generation = rows[0]?.generation ?? intent.key_generation;
  }
  return subscriptionId;
}

async function recordCustomer(
  query: Query,
  intent: BillingIntent,
  customerId: string,
): Promise<string | null> {
  const { rows } = await query<{ id: string | null }>(
    "select app_private.record_intent_customer($1, $2) as id",
    [intent.tenant_id, customerId],
  );
  return rows[0]?.id ?? null;
}

async function ensurePrice(
  stripe: StripeProvisioner,
  query: Query,
  intent: BillingIntent,
  configuredPrices: ConfiguredPrices,
): Promise<string> {
  if (intent.stripe_price_id !== null) return intent.stripe_price_id;
  const priceId = await findPrice(stripe, intent.price_lookup_key, configuredPrices);
  if (priceId === undefined) throw new NotSoldError(intent);
  const { rows } = await query<{ id: string }>(
    "select app_private.freeze_intent_price($1, $2, $3) as id",
    [intent.tenant_id, intent.id, priceId],
  );
  return rows[0]?.id ?? priceId;
}
