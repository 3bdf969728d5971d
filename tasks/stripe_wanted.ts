import type { JobHelpers } from "graphile-worker";

/** Whether a tenant that is there counts on a customer or subscription, whoever its metadata name. */
export async function isWantedAtStripe(
  query: JobHelpers["query"],
  stripeId: string,
): Promise<boolean> {
  const { rows } = await query<{ wanted: boolean }>(
    "select app_private.is_wanted_at_stripe($1) as wanted",
    [stripeId],
  );
  return rows[0]?.wanted === true;
}
