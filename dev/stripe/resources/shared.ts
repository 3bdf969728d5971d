import { invalidParameter, missingResource } from "../errors.ts";
import { emptyable, shape, text } from "../params.ts";
import type { Store } from "../store.ts";
import type { Stripe } from "stripe";

/** An address as a parameter; what is left out is null. */
export const address = emptyable(
  shape(
    {},
    { city: text, country: text, line1: text, line2: text, postal_code: text, state: text },
  ),
);

/** An address as Stripe shows it. */
export function fullAddress(given: ReturnType<typeof address> | undefined): Stripe.Address | null {
  if (given === null || given === undefined) return null;
  const { city = "", country = "", line1 = "", line2 = "", postal_code = "", state = "" } = given;
  return {
    city: city || null,
    country: country || null,
    line1: line1 || null,
    line2: line2 || null,
    postal_code: postal_code || null,
    state: state || null,
  };
}

/** A customer that is there and not deleted; `param` names where the id came from. */
export function liveCustomer(store: Store, id: string, param = "id"): Stripe.Customer {
  const customer = store.customers.get(id);
  if (customer === undefined || customer.deleted === true) {
    throw missingResource("customer", id, param);
  }
  return customer;
}

/** The row with this id, or Stripe's "No such …". */
export function found<T>(table: Map<string, T>, kind: string, id: string, param = "id"): T {
  const row = table.get(id);
  if (row === undefined) throw missingResource(kind, id, param);
  return row;
}

/** A time that has not come yet, or an error that names the parameter. */
export function future(time: number, now: number, param: string): number {
  if (time > now) return time;
  throw invalidParameter(
    param,
    "Invalid timestamp: must be an integer Unix timestamp in the future.",
  );
}
