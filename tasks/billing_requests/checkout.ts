import Stripe from "stripe";

import { closePages, openPages } from "../stripe_pages.ts";
import { findPrice } from "../stripe_provisioning.ts";
import { paymentOf } from "./payment.ts";
import { BillingRefusal, keyOf, type BillingResult, type BillingWork } from "./request.ts";
import { isAlive, listSubscriptions, requireSold, soldQuantity } from "./subscription.ts";

/**
 * A page to subscribe on, and never a second subscription: one session is open at a time, what could
 * still be paid beside it is closed first, and only then is looked whether somebody has paid.
 */
export async function checkout(work: BillingWork): Promise<BillingResult> {
  const { stripe, request, customerId } = work;
  const lookupKey = `${request.plan}_${request.interval}`;
  const sold = {
    price: await findPrice(stripe, lookupKey, work.configuredPrices),
    quantity: soldQuantity(work, lookupKey),
  };
  const open = await openPages(work, customerId);
  const same = open.find((session) => isFor(session, work, sold));
  const others = open.filter((session) => session !== same);
  await closePages(work, others, (what) => keyOf(request, what));
  const subscriptions = await listSubscriptions(work);
  refuseSubscribed(subscriptions);
  if (same !== undefined) return resultOf(same);

  const price = requireSold(sold.price);
  for (const subscription of subscriptions) {
    // oxlint-disable-next-line no-await-in-loop -- there is one, if any.
    await giveUp(work, subscription);
  }
  const session = await stripe.checkout.sessions.create(
    {
      mode: "subscription",
      customer: customerId,
      client_reference_id: request.tenant_id,
      line_items: [{ price, quantity: sold.quantity }],
      success_url: request.success_url ?? "",
      cancel_url: request.cancel_url ?? "",
      metadata: {
        tenant_id: request.tenant_id,
        request_id: request.id,
        price,
        quantity: String(sold.quantity),
      },
      subscription_data: {
        billing_mode: { type: "flexible" },
        metadata: { tenant_id: request.tenant_id, intent_id: request.id },
      },
    },
    keyOf(request, "checkout"),
  );
  return resultOf(session);
}

/** Whether an open session sells just what is asked for, and leads back where it should. */
function isFor(
  session: Stripe.Checkout.Session,
  { request }: BillingWork,
  { price, quantity }: { price: string | undefined; quantity: number },
): boolean {
  return (
    session.metadata?.["price"] === price &&
    // Paid for more seats than there are, nothing is given back.
    session.metadata?.["quantity"] === String(quantity) &&
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
