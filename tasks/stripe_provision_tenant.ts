import type { JobHelpers, Task } from "graphile-worker";
import type Stripe from "stripe";

import { uuidFrom } from "./payload.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import {
  createCustomer,
  createSubscription,
  findCustomer,
  findPrice,
  findSubscription,
  type BillingIntent,
  type StripeProvisioner,
} from "./stripe_provisioning.ts";
import { isInDoubt } from "./stripe_client.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_provision_tenant: { tenant_id: string };
    }
  }
}

export type StripeProvisionTenantOptions = {
  stripe: StripeProvisioner & Pick<Stripe, "customers">;
  configuredPrices: ConfiguredPrices;
};

/**
 * Makes a tenant's Stripe customer and its incomplete subscription. Each id is stored before the
 * next step, each call carries the intent's idempotency key: run again after a crash anywhere, it
 * goes on where it stopped.
 */
export function stripeProvisionTenant(
  options: StripeProvisionTenantOptions,
): Task<"stripe_provision_tenant"> {
  const { stripe, configuredPrices } = options;

  return async function run(payload, { query }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const intent = await beginIntent(query, tenantId);
    if (intent === undefined) return;
    try {
      const found = intent.must_search ? await searchStripe(stripe, query, intent) : undefined;
      const customerId = found?.customerId ?? (await ensureCustomer(stripe, query, intent));
      const subscriptionId =
        found?.subscriptionId ??
        (await createSubscription(
          stripe,
          intent,
          customerId,
          await ensurePrice(stripe, query, intent, configuredPrices),
        ));
      await query(
        `select
          app_private.record_intent_subscription($1, $2, $3),
          app_private.request_customer_sync($4)`,
        [tenantId, intent.id, subscriptionId, customerId],
      );
    } catch (error) {
      if (isInDoubt(error)) {
        await query("select app_private.doubt_intent($1, $2)", [tenantId, intent.id]);
      }
      throw error;
    }
  };
}

async function beginIntent(
  query: JobHelpers["query"],
  tenantId: string,
): Promise<BillingIntent | undefined> {
  const { rows } = await query<Omit<BillingIntent, "tenant_id">>(
    "select * from app_private.begin_billing_intent($1)",
    [tenantId],
  );
  return rows[0] === undefined ? undefined : { ...rows[0], tenant_id: tenantId };
}

/** Looks for what an earlier attempt may have left at Stripe; what is missing gets fresh keys. */
async function searchStripe(
  stripe: StripeProvisioner,
  query: JobHelpers["query"],
  intent: BillingIntent,
): Promise<{ customerId: string | undefined; subscriptionId: string | undefined }> {
  const foundId = intent.stripe_customer_id ?? (await findCustomer(stripe, intent));
  const customerId = foundId && (await recordCustomer(query, intent, foundId));
  const subscriptionId = customerId && (await findSubscription(stripe, intent, customerId));
  if (subscriptionId === undefined) {
    const { rows } = await query<{ generation: number }>(
      "select app_private.settle_intent_doubt($1, $2) as generation",
      [intent.tenant_id, intent.id],
    );
    intent.key_generation = rows[0]?.generation ?? intent.key_generation;
  }
  return { customerId, subscriptionId };
}

async function ensureCustomer(
  stripe: StripeProvisioner,
  query: JobHelpers["query"],
  intent: BillingIntent,
): Promise<string> {
  if (intent.stripe_customer_id !== null) return intent.stripe_customer_id;
  const createdId = await createCustomer(stripe, intent);
  const customerId = await recordCustomer(query, intent, createdId);
  // Somebody was faster: theirs counts, and ours must not be left to be billed by mistake.
  if (customerId !== createdId) await stripe.customers.del(createdId);
  return customerId;
}

async function recordCustomer(
  query: JobHelpers["query"],
  intent: BillingIntent,
  customerId: string,
): Promise<string> {
  const { rows } = await query<{ id: string }>(
    "select app_private.record_intent_customer($1, $2) as id",
    [intent.tenant_id, customerId],
  );
  return rows[0]?.id ?? customerId;
}

async function ensurePrice(
  stripe: StripeProvisioner,
  query: JobHelpers["query"],
  intent: BillingIntent,
  configuredPrices: ConfiguredPrices,
): Promise<string> {
  if (intent.stripe_price_id !== null) return intent.stripe_price_id;
  const priceId = await findPrice(stripe, intent.price_lookup_key, configuredPrices);
  const { rows } = await query<{ id: string }>(
    "select app_private.freeze_intent_price($1, $2, $3) as id",
    [intent.tenant_id, intent.id, priceId],
  );
  return rows[0]?.id ?? priceId;
}
