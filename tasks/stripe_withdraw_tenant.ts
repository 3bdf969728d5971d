import type { Task } from "graphile-worker";
import type Stripe from "stripe";

import { stripeIdsFrom, uuidFrom } from "./payload.ts";
import { isMissing } from "./stripe_client.ts";
import { closePages, openPages } from "./stripe_pages.ts";
import {
  findCustomer,
  isLive,
  listSubscriptions,
  type SearchedIntent,
} from "./stripe_provisioning.ts";
import { cancelSubscription, deleteCustomer } from "./stripe_removal.ts";
import { isWantedAtStripe } from "./stripe_wanted.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_withdraw_tenant: { tenant_id: string; customer_ids?: string[] };
    }
  }
}

type StripeWithdrawer = Pick<Stripe, "checkout" | "customers" | "invoices" | "subscriptions">;

type IntentRow = SearchedIntent & { status: string; stripe_customer_id: string | null };

/** More customers of one tenant than this are not its own. */
const AT_MOST = 1000;

/**
 * Ends at Stripe what a closed or deleted tenant has there, also what was made too late for it to
 * be noted here. A customer who has paid is kept, with its invoices. What is known comes first: it is
 * ended also where what isn't can't be looked for.
 */
export function stripeWithdrawTenant(stripe: StripeWithdrawer): Task<"stripe_withdraw_tenant"> {
  return async function run(payload, { query }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const knownOfDeleted = stripeIdsFrom(payload, "customer_ids", "cus");
    const { rows } = await query<IntentRow>("select * from app_private.withdrawal_of_tenant($1)", [
      tenantId,
    ]);
    const isOpen = rows.some(({ status }) => status !== "closed");
    if (isOpen) return;
    const isDeleted = rows.length === 0;
    const ended = new Set<string>();
    async function end(customerIds: Iterable<string>): Promise<void> {
      for (const id of new Set(customerIds).difference(ended)) {
        // oxlint-disable no-await-in-loop -- rarely more than one.
        if (!isDeleted || !(await isWantedAtStripe(query, id))) await withdraw(stripe, id);
        // oxlint-enable no-await-in-loop
        ended.add(id);
      }
    }
    await end(isDeleted ? knownOfDeleted : recordedOfClosed(rows));
    await end(isDeleted ? await searchDeleted(stripe, tenantId) : await findClosed(stripe, rows));
  };
}

async function withdraw(stripe: StripeWithdrawer, customerId: string): Promise<void> {
  const pages = await openPages({ stripe }, customerId).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  // A customer that Stripe does not know has nothing to be charged for.
  if (pages === undefined) return;
  // Before it is looked what was paid: nobody can pay any more after this.
  await closePages({ stripe }, pages, () => ({}));
  const paid = await stripe.invoices.list({ customer: customerId, status: "paid", limit: 1 });
  if (paid.data.length === 0) return deleteCustomer(stripe, customerId);
  const live = (await listSubscriptions(stripe, customerId)).filter(isLive);
  await Promise.all(live.map(({ id }) => cancelSubscription(stripe, id)));
}

function recordedOfClosed(intents: readonly IntentRow[]): string[] {
  return intents.flatMap((intent) => intent.stripe_customer_id ?? []);
}

async function findClosed(
  stripe: StripeWithdrawer,
  intents: readonly IntentRow[],
): Promise<string[]> {
  const made = await Promise.all(intents.map((intent) => findCustomer(stripe, intent)));
  return made.filter((id) => id !== undefined);
}

async function searchDeleted(stripe: StripeWithdrawer, tenantId: string): Promise<string[]> {
  const customers = await stripe.customers
    .search({ query: `metadata['tenant_id']:'${tenantId}'`, limit: 100 })
    .autoPagingToArray({ limit: AT_MOST });
  return customers.map(({ id }) => id);
}
