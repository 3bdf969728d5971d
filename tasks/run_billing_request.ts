import type { JobHelpers, Task } from "graphile-worker";

import { cancel, resume } from "./billing_requests/cancellation.ts";
import { checkout } from "./billing_requests/checkout.ts";
import { finishProvisioning, replaceCustomer } from "./billing_requests/customer.ts";
import { change, preview } from "./billing_requests/plan_change.ts";
import { portal } from "./billing_requests/portal.ts";
import { isNotAccepted, refusalOf } from "./billing_requests/refusal.ts";
import {
  BillingRefusal,
  type BillingRequest,
  type BillingResult,
  type BillingStripe,
  type BillingWork,
} from "./billing_requests/request.ts";
import { uuidFrom } from "./payload.ts";
import { isInDoubt } from "./stripe_client.ts";
import type { StripeProvisionTenantOptions } from "./stripe_provision_tenant.ts";
import { stripeSyncCustomer, type StripeSyncCustomerOptions } from "./stripe_sync_customer.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      run_billing_request: { tenant_id: string; request_id: string };
    }
  }
}

export type RunBillingRequestOptions = StripeProvisionTenantOptions &
  StripeSyncCustomerOptions & {
    stripe: BillingStripe;
    /** Where the frontend lives; no trailing slash. */
    appUrl: string;
  };

type Query = JobHelpers["query"];

const KINDS: Record<BillingRequest["kind"], (work: BillingWork) => Promise<BillingResult>> = {
  checkout,
  portal,
  preview,
  change,
  cancel,
  resume,
};
/** After these, currentTenant must tell of it as soon as the request does. */
const CHANGES: ReadonlySet<string> = new Set(["checkout", "change", "cancel", "resume"]);

/** These can begin something, so that a customer is made for them where the last one was deleted. */
const SELLS: ReadonlySet<string> = new Set(["checkout", "portal"]);

/**
 * Carries a request to Stripe and writes what came of it. Run again after a crash anywhere it has one
 * effect: each kind looks before it acts, and acts under keys made of the request's id.
 */
export function runBillingRequest(options: RunBillingRequestOptions): Task<"run_billing_request"> {
  return async function run(payload, helpers) {
    const { query } = helpers;
    const tenantId = uuidFrom(payload, "tenant_id");
    const requestId = uuidFrom(payload, "request_id");
    const request = await begin(options, query, tenantId, requestId);
    if (request === undefined) return;
    try {
      const result = await answer(options, helpers, request);
      if (result === undefined) return;
      await query("select app_private.finish_billing_request($1, $2, $3)", [
        tenantId,
        requestId,
        JSON.stringify(result),
      ]);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) {
        await fail(query, request, refusal);
        if (refusal.code === "refused") await alarm(query, request, error);
        return;
      }
      if (isInDoubt(error)) await doubt(query, request);
      // Others may wait for its end, so that it is tried often for as long as it is open.
      await query("select app_private.pace_billing_request($1)", [requestId]);
      throw error;
    }
  };
}

/**
 * What came of a request; undefined when it was ended meanwhile. What Stripe does not accept may be
 * what somebody changed there between our look and our act, so it is looked at once more before that
 * is called a refusal.
 */
async function answer(
  options: RunBillingRequestOptions,
  helpers: JobHelpers,
  request: BillingRequest,
): Promise<BillingResult | undefined> {
  try {
    return await carryOut(options, helpers, request);
  } catch (error) {
    if (!isNotAccepted(error)) throw error;
    const { tenant_id: tenantId, id, stripe_customer_id: customerId } = request;
    if (customerId !== null) {
      await stripeSyncCustomer(options)({ customer_id: customerId }, helpers);
    }
    // To the same key Stripe would say the same.
    await doubt(helpers.query, request);
    const again = await begin(options, helpers.query, tenantId, id);
    return again === undefined ? undefined : await carryOut(options, helpers, again);
  }
}

async function carryOut(
  options: RunBillingRequestOptions,
  helpers: JobHelpers,
  request: BillingRequest,
): Promise<BillingResult | undefined> {
  const { stripe, configuredPrices } = options;
  const customerId = await customerOf(options, helpers, request);
  if (customerId === undefined) return undefined;
  const { query } = helpers;
  const work = { stripe, configuredPrices, request, customerId, query };
  const result = await KINDS[request.kind](work);
  if (CHANGES.has(request.kind)) {
    await stripeSyncCustomer(options)({ customer_id: customerId }, helpers);
  }
  return result;
}

async function begin(
  { appUrl }: RunBillingRequestOptions,
  query: Query,
  tenantId: string,
  requestId: string,
): Promise<BillingRequest | undefined> {
  const { rows } = await query<BillingRequest>(
    "select * from app_private.begin_billing_request($1, $2, $3)",
    [tenantId, requestId, `${appUrl}/billing`],
  );
  return rows[0];
}

/**
 * The tenant's customer: made first when the request was faster, and anew when it was deleted. What
 * createTenant wished for is finished before a page to subscribe on is opened, which closes it: made
 * later, it could be paid beside the page. Undefined when the request was ended meanwhile, as by the
 * closing of its tenant: nothing may be sold to that any more.
 */
async function customerOf(
  options: RunBillingRequestOptions,
  helpers: JobHelpers,
  request: BillingRequest,
): Promise<string | undefined> {
  const { tenant_id: tenantId, id } = request;
  let current: BillingRequest | undefined = request;
  if (request.stripe_customer_id === null || request.kind === "checkout") {
    await finishProvisioning(options, helpers, request);
    current = await begin(options, helpers.query, tenantId, id);
  }
  if (current === undefined) return undefined;
  const { stripe_customer_id: known, customer_is_deleted: isDeleted } = current;
  if (known !== null && !isDeleted) return known;
  if (!SELLS.has(request.kind)) {
    throw new BillingRefusal("no_subscription", "There is no subscription any more.");
  }
  return replaceCustomer(options.stripe, helpers.query, current);
}

/** Has the next attempt look first, and ask under fresh keys. */
async function doubt(query: Query, { tenant_id: tenantId, id }: BillingRequest): Promise<void> {
  await query("select app_private.doubt_billing_request($1, $2)", [tenantId, id]);
}

/** Also books a fresh look at the customer: a refusal may have left an invoice to pay. */
async function fail(
  query: Query,
  { tenant_id: tenantId, id, stripe_customer_id: customerId }: BillingRequest,
  { code, message, clientSecret }: BillingRefusal,
): Promise<void> {
  await query(
    `select
      app_private.fail_billing_request($1, $2, $3, $4, $5),
      case when $6::text is not null then app_private.request_customer_sync($6::text) end`,
    [tenantId, id, code, message, clientSecret, customerId],
  );
}

/** What Stripe did not accept was ours to get right, or the dashboard's. */
async function alarm(query: Query, request: BillingRequest, error: unknown): Promise<void> {
  const { tenant_id, id, kind } = request;
  await query("select app_private.raise_alarm($1, $2, $3, $4)", [
    "billing_request_refused",
    tenant_id,
    error instanceof Error ? error.message : "Stripe refused a billing request",
    JSON.stringify({ request_id: id, kind }),
  ]);
}
