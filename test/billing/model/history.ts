/** One tenant's life, and what all deeds have in common. */
import type { Person } from "../../support/client.ts";
import { rowsOf } from "../../support/query.ts";
import type { World } from "./world.ts";

export type History = {
  number: number;
  person: Person;
  /** Of the click that founds the tenant, however often it is made. */
  key: string;
  plan: string;
  tenantId: string | undefined;
  /** The customers that the dashboard has deleted. */
  deleted: Set<string>;
};

export type Do = (world: World, history: History, choice: number) => Promise<unknown>;

/** What somebody wanted could not be done: a fine answer. */
export class Refused extends Error {}

export const PLANS = ["starter", "pro", "enterprise"] as const;
export const CARDS = [
  "pm_card_visa",
  "pm_card_visa",
  "pm_card_chargeCustomerFail",
  "pm_card_chargeDeclined",
] as const;

/**
 * KNOWN GAP: an operator who provisions again does not look for a page to subscribe on, so that both
 * can be paid; an alarm tells of it (docs/billing_proof.md). Until that is mended, nobody does so
 * while something is being offered.
 */
export async function refuseTwoOffers({ admin }: World, { tenantId }: History): Promise<void> {
  const offers = await rowsOf(
    admin,
    `select from app_private.billing_intents
    where tenant_id = $1 and completed_at is null and failed_at is null
    union all
    select from app_public.billing_requests
    where tenant_id = $1 and kind = 'checkout' and status = 'pending'`,
    [tenantId],
  );
  if (offers.length > 0) throw new Refused("Something is being offered already");
}

export function chosen<T>(values: readonly T[], choice: number): T {
  return values[choice % values.length] as T;
}
