import Stripe from "stripe";

import { findPrice } from "../stripe_provisioning.ts";
import { paymentOf } from "./payment.ts";
import { BillingRefusal, keyOf, type BillingResult, type BillingWork } from "./request.ts";
import { isAlive, listSubscriptions } from "./subscription.ts";

/**
 * A page to subscribe on, and never a second subscription: one session is open at a time, what could
 * still be paid beside it is closed first, and only then is looked whether somebody has paid.
 */
export async function checkout(work: BillingWork): Promise<BillingResult> {
  const { stripe, request, customerId } = work;
  const lookupKey = `${request.plan}_${request.interval}`;
  const open = await stripe.checkout.sessions
    .list({ customer: customerId, status: "open", limit: 100 })
    .autoPagingToArray({ limit: 1000 });
  const same = open.find((session) => isFor(session, work, lookupKey));
  await closeSessions(
    work,
    open.filter((session) => session !== same),
  );
  const subscriptions = await listSubscriptions(work);
  refuseSubscribed(subscriptions);
  if (same !== undefined) return resultOf(same);

  for (const subscription of subscriptions) {
    // oxlint-disable-next-line no-await-in-loop -- there is one, if any.
    await giveUp(work, subscription);
  }
  const session = await stripe.checkout.sessions.create(
    {
      mode: "subscription",
      customer: customerId,
      client_reference_id: request.tenant_id,
      line_items: [
        { price: await findPrice(stripe, lookupKey, work.configuredPrices), quantity: 1 },
      ],
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

async function closeSessions(
  { stripe, request }: BillingWork,
  sessions: readonly Stripe.Checkout.Session[],
): Promise<void> {
  for (const { id } of sessions) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- there is one, if any.
      await stripe.checkout.sessions.expire(id, {}, keyOf(request, `expire:${id}`));
    } catch (error) {
      // Paid, or expired, meanwhile: which of the two is seen by the subscriptions.
      if (!isRefused(error)) throw error;
    }
  }
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
    if (!isRefused(error)) throw error;
    // No reason to give up: the next attempt finds a subscription that is alive.
    throw new Error("The first invoice was paid in this very moment", { cause: error });
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError;
}
