/** Stripe's pages to subscribe on. While one is open it can be paid, so nothing is sold beside it. */
import Stripe from "stripe";

type Sessions = { stripe: Pick<Stripe, "checkout"> };

/** More open pages than this are not a customer of ours but a mistake. */
const AT_MOST = 1000;

/** A customer's pages that can still be paid. */
export function openPages(
  { stripe }: Sessions,
  customer: string,
): Promise<Stripe.Checkout.Session[]> {
  return stripe.checkout.sessions
    .list({ customer, status: "open", limit: 100 })
    .autoPagingToArray({ limit: AT_MOST });
}

/**
 * Closes pages. When it returns, none of them can be paid any more; one that was paid in the same
 * moment has a subscription, so that whoever looks for one after this, and not before, finds it.
 */
export async function closePages(
  { stripe }: Sessions,
  pages: readonly Stripe.Checkout.Session[],
  keyOf: (what: string) => Stripe.RequestOptions,
): Promise<void> {
  for (const { id } of pages) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- there is one, if any.
      await stripe.checkout.sessions.expire(id, {}, keyOf(`expire:${id}`));
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      // oxlint-disable-next-line no-await-in-loop -- the same.
      const { status } = await stripe.checkout.sessions.retrieve(id);
      if (status === "open") throw new Error(`Page ${id} can't be closed now`, { cause: error });
    }
  }
}
