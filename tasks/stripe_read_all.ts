import type Stripe from "stripe";

/** More of anything than this is not a customer of ours but a mistake. */
const AT_MOST = 1000;

/** Everything of a list, page by page. Throws when there is too much: a part would be no truth. */
export async function readAll<T>(list: Stripe.ApiListPromise<T>): Promise<T[]> {
  const all = await list.autoPagingToArray({ limit: AT_MOST + 1 });
  if (all.length > AT_MOST) throw new Error(`Stripe lists more than ${AT_MOST}: not copied`);
  return all;
}
