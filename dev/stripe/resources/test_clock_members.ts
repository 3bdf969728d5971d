import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { stateError } from "../errors.ts";
import type { Store } from "../store.ts";
import { found } from "./shared.ts";

const MAX_CUSTOMERS = 3;
const MAX_SUBSCRIPTIONS = 3;

/** The customers whose time a test clock is. */
export function customersOn(store: Store, clock: string): Stripe.Customer[] {
  return [...store.customers.values()].filter(
    (each): each is Stripe.Customer => each.deleted !== true && each.test_clock === clock,
  );
}

/** Puts a customer on a test clock, for good: a clock has room for three. */
export function putOnClock(context: Context, customer: Stripe.Customer, id: string): void {
  const clock = found(context.store.testClocks, "test clock", id, "test_clock");
  if (customersOn(context.store, clock.id).length >= MAX_CUSTOMERS) {
    throw stateError(`A test clock can have at most ${MAX_CUSTOMERS} customers.`);
  }
  customer.test_clock = clock.id;
}

/** Each customer on a test clock may have three subscriptions. */
export function refuseCrowd(store: Store, customer: Stripe.Customer): void {
  if ((customer.test_clock ?? null) === null) return;
  const all = [...store.subscriptions.values()].filter((each) => each.customer === customer.id);
  if (all.length < MAX_SUBSCRIPTIONS) return;
  throw stateError(
    `A customer on a test clock can have at most ${MAX_SUBSCRIPTIONS} subscriptions.`,
  );
}
