/** How the payment of an invoice stands. */
import type Stripe from "stripe";

export type Payment = {
  /** The intent's; undefined when nothing is to be paid. */
  status: string | undefined;
  /** What was wrong with the last attempt, for people; undefined when there was none. */
  problem: string | undefined;
  /** For Stripe.js; null when nothing is to be paid. */
  clientSecret: string | null;
};

/** The payment that an invoice waits for. Its `payments` must be expanded. */
export async function paymentOf(
  stripe: Pick<Stripe, "paymentIntents">,
  { payments }: Stripe.Invoice,
): Promise<Payment> {
  const waiting = payments?.data.find(({ status }) => status === "open");
  const intent = waiting?.payment.payment_intent;
  if (intent === undefined) return { status: undefined, problem: undefined, clientSecret: null };
  const id = typeof intent === "string" ? intent : intent.id;
  const { status, last_payment_error, client_secret } = await stripe.paymentIntents.retrieve(id);
  return { status, problem: last_payment_error?.message, clientSecret: client_secret };
}
