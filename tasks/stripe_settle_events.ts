import type { JobHelpers } from "graphile-worker";

export type Sync = {
  customerId: string;
  /** Taken before the fetch. */
  seq: string | undefined;
  /** Whether a tenant has the customer. */
  isOurs: boolean;
  /** The tenant that the customer's metadata names. */
  claimedTenantId: string | undefined;
};

/** Says what became of the events that a sync was booked for. */
export async function settleEvents(query: JobHelpers["query"], sync: Sync): Promise<void> {
  await query(
    "select app_private.settle_stripe_events($1, $2, $3), app_private.check_customer_claim($1, $4)",
    [sync.customerId, sync.seq, sync.isOurs, sync.claimedTenantId],
  );
}
