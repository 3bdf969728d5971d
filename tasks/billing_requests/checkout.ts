import Stripe from "stripe";

import { closePages, openPages } from "../stripe_pages.ts";
import { paymentOf } from "./payment.ts";
import { BillingRefusal, keyOf, type BillingResult, type BillingWork } from "./request.ts";
import { isAlive, listSubscriptions, soldPrice, soldQuantity } from "./subscription.ts";

/**
 * A page to subscribe on, and never a second subscription: one session is open at a time, what could
 * still be paid beside it is closed first, and only then is looked whether somebody has paid.
 */
export async function checkout(work: BillingWork): Promise<BillingResult> {
  const { stripe, request, customerId } = work;
  const lookupKey = `${request.plan}_${request.interval}`;
  const open = await openPages(work, customerId);
  const same = open.find((session) => isFor(session, work, lookupKey));
  const others = open.filter((session) => session !== same);
  await closePages(work, others, (what) => keyOf(request, what));
  const subscriptions = await listSubscriptions(work);
  refuseSubscribed(subscriptions);
  if (same !== undefined) return resultOf(same);

  const price = await soldPrice(work, lookupKey);
  for (const subscription of subscriptions) {
    // oxlint-disable-next-line no-await-in-loop -- there is one, if any.
    await giveUp(work, subscription);
  }
  const session = await stripe.checkout.sessions.create(
    {
      mode: "subscription",
      customer: customerId,
      client_reference_id: request.tenant_id,
      line_items: [{ price, quantity: soldQuantity(work, lookupKey) }],
      success_url: request.success_url ?? "",
      cancel_url: request.cancel_url ?? "",
      metadata: metadataOf(work, lookupKey),
      subscription_data: {
        billing_mode: { type: "flexible" },
        metadata: { tenant_id: request.tenant_id, intent_id: request.id },
      },
    },
    keyOf(request, "checkout"),
  );
  return resultOf(session);
}

function metadataOf({ request }: BillingWork, lookupKey: string) {
  return { tenant_id: request.tenant_id, request_id: request.id, lookup_key: lookupKey };
}

/** Whether an open session sells what is asked for, and leads back where it should. */
function isFor(
  session: Stripe.Checkout.Session,
  { request }: BillingWork,
  lookupKey: string,
): boolean {
  return (
    session.metadata?.["lookup_key"] === lookupKey &&
    session.success_url === request.success_url &&
    session.cancel_url === request.cancel_url
  );
}

function resultOf({ url, expires_at }: Stripe.Checkout.Session): BillingResult {
  return { url, expires_at };
}

function refuseSubscribed(subscriptions: readonly Stripe.Subscription[]): void {
  if (subscriptions.some(isAlive)) {
    throw new BillingRefusal(
      "already_subscribed",
      "There is a subscription already: change its plan instead.",
    );
  }
}

/** A first payment that was never made: its invoice is voided, so that nobody can make it any more. */
async function giveUp(
  { stripe, request }: BillingWork,
  { status, latest_invoice: invoice }: Stripe.Subscription,
): Promise<void> {
  if (status !== "incomplete" || invoice === null || typeof invoice === "string") return;
  const payment = await paymentOf(stripe, invoice);
  if (payment.status === "processing") {
    throw new BillingRefusal(
      "payment_processing",
      "A payment is on its way. It can take some days until the bank has confirmed it.",
    );
  }
  try {
    await stripe.invoices.voidInvoice(invoice.id, {}, keyOf(request, `void:${invoice.id}`));
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
    // No reason to give up: the next attempt finds a subscription that is alive.
    throw new Error("The first invoice was paid in this very moment", { cause: error });
  }
}
