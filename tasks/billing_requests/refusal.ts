import Stripe from "stripe";

import { BillingRefusal } from "./request.ts";

const CONTACT = "Stripe did not accept this. Please try again later, or contact us.";

/** What is wrong for good, in words for people; undefined when it is worth another attempt. */
export function refusalOf(error: unknown): BillingRefusal | undefined {
  if (error instanceof BillingRefusal) return error;
  if (error instanceof Stripe.errors.StripeCardError) {
    return new BillingRefusal("card_declined", error.message);
  }
  return isNotAccepted(error) ? new BillingRefusal("refused", CONTACT) : undefined;
}

/** Whether Stripe says that it can't be done as things are there. */
export function isNotAccepted(error: unknown): boolean {
  // 409 and 429 pass; 401 and 403 are for the operator, who mends them while it waits.
  return (
    error instanceof Stripe.errors.StripeError &&
    (error.statusCode === 400 || error.statusCode === 404)
  );
}
