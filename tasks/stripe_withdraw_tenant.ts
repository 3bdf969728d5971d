import type { Task } from "graphile-worker";
import type Stripe from "stripe";

import { uuidFrom } from "./payload.ts";
import { closePages, openPages } from "./stripe_pages.ts";
import {
  findCustomer,
  isLive,
  listSubscriptions,
  type SearchedIntent,
} from "./stripe_provisioning.ts";
import { cancelSubscription, deleteCustomer } from "./stripe_removal.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_withdraw_tenant: { tenant_id: string };
    }
  }
}

type StripeWithdrawer = Pick<Stripe, "checkout" | "customers" | "invoices" | "subscriptions">;

type IntentRow = SearchedIntent & { status: string; stripe_customer_id: string | null };

/** More customers of one tenant than this are not its own. */
const AT_MOST = 1000;

/**
 * Ends at Stripe what a closed or deleted tenant has there, also what was made too late for it to
 * be noted here. A customer who has paid is kept, with its invoices.
 */
export function stripeWithdrawTenant(stripe: StripeWithdrawer): Task<"stripe_withdraw_tenant"> {
  return async function run(payload, { query }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const { rows } = await query<IntentRow>("select * from app_private.withdrawal_of_tenant($1)", [
      tenantId,
    ]);
    const isOpen = rows.some(({ status }) => status !== "closed");
    if (isOpen) return;
    const found =
      rows.length === 0
        ? await customersOfDeleted(stripe, tenantId)
        : await customersOfClosed(stripe, rows);
    for (const customerId of found) {
      // oxlint-disable-next-line no-await-in-loop -- rarely more than one.
      await withdraw(stripe, customerId);
    }
  };
}

async function withdraw(stripe: StripeWithdrawer, customerId: string): Promise<void> {
  // Before it is looked what was paid: nobody can pay any more after this.
  await closePages({ stripe }, await openPages({ stripe }, customerId), () => ({}));
  const paid = await stripe.invoices.list({ customer: customerId, status: "paid", limit: 1 });
  if (paid.data.length === 0) return deleteCustomer(stripe, customerId);
  const live = (await listSubscriptions(stripe, customerId)).filter(isLive);
  await Promise.all(live.map(({ id }) => cancelSubscription(stripe, id)));
}

async function customersOfClosed(
  stripe: StripeWithdrawer,
  intents: readonly IntentRow[],
): Promise<Set<string>> {
  const recorded = intents.map((intent) => intent.stripe_customer_id);
  const made = await Promise.all(intents.map((intent) => findCustomer(stripe, intent)));
  return new Set([...recorded, ...made].filter((id) => typeof id === "string"));
}

async function customersOfDeleted(stripe: StripeWithdrawer, tenantId: string): Promise<string[]> {
  const customers = await stripe.customers
    .search({ query: `metadata['tenant_id']:'${tenantId}'`, limit: 100 })
    .autoPagingToArray({ limit: AT_MOST });
  return customers.map(({ id }) => id);
}
