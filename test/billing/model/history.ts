/** One tenant's life, and what all deeds have in common. */
import type { Person } from "../../support/client.ts";
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

export function chosen<T>(values: readonly T[], choice: number): T {
  return values[choice % values.length] as T;
}
