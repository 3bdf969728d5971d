import type { JobHelpers, Task } from "graphile-worker";

import { listEverything, type StripeLister } from "./stripe_listing.ts";
import { settleStray } from "./stripe_strays.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_reconcile: Record<string, never>;
    }
  }
}

export type StripeReconcileOptions = { stripe: StripeLister; configuredPrices: ConfiguredPrices };

const NO_STRAYS = { adopted: 0, removed: 0, alarmed: 0 };

type Check = { id: string; started_at: Date };

/** What a reconciliation looked at and did. */
export type Reconciliation = {
  customers: number;
  subscriptions: number;
  open_invoices: number;
  /** Customers whose copy differed, and which are read again. */
  drifted: number;
  /** Customers of ours at Stripe that nobody knew: tied to their tenant, removed, or paid for. */
  adopted: number;
  removed: number;
  alarmed: number;
  /** Tenants whose provisioning nobody worked on. */
  resumed: number;
};

/**
 * Compares all that Stripe has with all that we have, by whole lists: 100 objects a call, however
 * many tenants. Whatever differs is read again by its customer's sync, the one writer; nothing is
 * written here. On a system that is in order it finds nothing.
 */
export function stripeReconcile(options: StripeReconcileOptions): Task<"stripe_reconcile"> {
  const { stripe, configuredPrices } = options;

  return async function run(_payload, { query, logger }) {
    const check = await begin(query);
    const seq = await nextSeq(query);
    const resumed = await resume(query);
    await query(
      "select app_private.end_overdue_grace_periods(), app_private.resume_usage_reports()",
    );
    const listing = await listEverything({ stripe, query, configuredPrices });

    const found: Reconciliation = { ...listing.counts, drifted: 0, ...NO_STRAYS, resumed };
    for (const stray of listing.strays) {
      const outcome = await settleStray({ stripe, query, stray });
      if (outcome !== "left") found[outcome] += 1;
    }
    const missing = await query<{ id: string }>(
      "select app_private.customers_with_more($1, $2, $3, $4, $5) as id",
      [
        listing.customerIds,
        listing.subscriptionIds,
        listing.openInvoiceIds,
        listing.writtenOffInvoiceIds,
        check.started_at,
      ],
    );
    for (const { id } of missing.rows) listing.differing.add(id);
    for (const id of listing.differing) {
      if (await repair(query, id, { seq, checkId: check.id })) found.drifted += 1;
    }
    await query("select app_private.finish_stripe_check($1, $2)", [check.id, found]);
    const summary = Object.entries(found).map(([what, count]) => `${count} ${what}`);
    logger.info(`Compared everything with Stripe: ${summary.join(", ")}`);
  };
}

async function begin(query: JobHelpers["query"]): Promise<Check> {
  const { rows } = await query<Check>("select * from app_private.begin_stripe_check('reconcile')");
  const [check] = rows;
  if (check === undefined) throw new Error("begin_stripe_check returned nothing");
  return check;
}

async function nextSeq(query: JobHelpers["query"]): Promise<string | undefined> {
  const { rows } = await query<{ seq: string }>(
    "select nextval('app_private.stripe_sync_seq') as seq",
  );
  return rows[0]?.seq;
}

async function resume(query: JobHelpers["query"]): Promise<number> {
  const { rows } = await query<{ resumed: number }>(
    "select app_private.resume_provisioning() as resumed",
  );
  return rows[0]?.resumed ?? 0;
}

async function repair(
  query: JobHelpers["query"],
  customerId: string,
  { seq, checkId }: { seq: string | undefined; checkId: string },
): Promise<boolean> {
  const { rows } = await query<{ repaired: boolean }>(
    "select app_private.repair_customer($1, $2, $3) as repaired",
    [customerId, seq, checkId],
  );
  return rows[0]?.repaired === true;
}
