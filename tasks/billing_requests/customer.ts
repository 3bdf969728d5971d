import type { JobHelpers } from "graphile-worker";

import {
  NotSoldError,
  stripeProvisionTenant,
  type StripeProvisionTenantOptions,
} from "../stripe_provision_tenant.ts";
import { keyOf, type BillingRequest, type BillingStripe } from "./request.ts";

type Query = JobHelpers["query"];

/**
 * Finishes what createTenant wished for. Nobody waits for a price that is not sold: who asks for a page
 * to subscribe on wishes for that instead, and the other wish is ended, lest both be paid for one day.
 */
export async function finishProvisioning(
  options: StripeProvisionTenantOptions,
  helpers: JobHelpers,
  { tenant_id: tenantId, kind }: BillingRequest,
): Promise<void> {
  try {
    await stripeProvisionTenant(options)({ tenant_id: tenantId }, helpers);
  } catch (error) {
    if (!(error instanceof NotSoldError)) throw error;
    if (kind !== "checkout") return;
    await helpers.query("select app_private.fail_intent($1, $2, $3)", [
      tenantId,
      error.intentId,
      error.message,
    ]);
  }
}

/** Another customer for a tenant whose own was deleted at Stripe: nothing can be sold to that one. */
export async function replaceCustomer(
  stripe: BillingStripe,
  query: Query,
  request: BillingRequest,
): Promise<string> {
  const { rows } = await query<{
    intent_id: string;
    customer_email: string;
    customer_name: string;
  }>("select * from app_private.customer_to_replace($1)", [request.tenant_id]);
  const [intent] = rows;
  if (intent === undefined) throw new Error(`Tenant ${request.tenant_id} was never provisioned`);
  const { customer_email: email, customer_name: name, intent_id } = intent;

  // After a 5xx the key is a new one, and what the old one made must be found.
  const metadata = { tenant_id: request.tenant_id, intent_id };
  const made =
    request.key_generation === 0
      ? []
      : await stripe.customers.list({ email, limit: 100 }).autoPagingToArray({ limit: 1000 });
  const found = made.find((customer) => customer.metadata["intent_id"] === intent_id);
  const { id } =
    found ?? (await stripe.customers.create({ email, name, metadata }, keyOf(request, "customer")));
  const { rows: kept } = await query<{ id: string }>(
    "select app_private.replace_stripe_customer($1, $2, $3) as id",
    [request.tenant_id, request.stripe_customer_id, id],
  );
  return kept[0]?.id ?? id;
}
