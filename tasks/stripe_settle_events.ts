import type { JobHelpers } from "graphile-worker";

/** Says what became of the events that a sync with this number, taken before its fetch, has seen. */
export async function settleEvents(
  query: JobHelpers["query"],
  { customerId, seq, isOurs }: { customerId: string; seq: string; isOurs: boolean },
): Promise<void> {
  await query("select app_private.settle_stripe_events($1, $2, $3)", [customerId, seq, isOurs]);
}
