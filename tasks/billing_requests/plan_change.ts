import type Stripe from "stripe";

import { paymentOf } from "./payment.ts";
import { BillingRefusal, keyOf, type BillingResult, type BillingWork } from "./request.ts";
import {
  aliveSubscription,
  planItem,
  refuseScheduled,
  wantedPrice,
  type Wanted,
} from "./subscription.ts";

/** A subscription as it is, and what is to become of it. */
type Change = {
  subscription: Stripe.Subscription;
  item: Stripe.SubscriptionItem;
  wanted: Wanted;
  /** From when on it is charged, in Unix seconds. */
  proratedAt: number;
};

/** More lines than these are not told of. */
const MOST_LINES = 50;

/** What a change would cost. Nothing is changed, so it needs no idempotency key. */
export async function preview(work: BillingWork): Promise<BillingResult> {
  const { subscription, item, wanted, proratedAt } = await changeOf(work);
  // Asked for no change at all, Stripe would tell of the next renewal.
  if (item.price.id === wanted.price) return { ...nothing(item.price), prorated_at: proratedAt };
  const invoice = await work.stripe.invoices.createPreview({
    customer: work.customerId,
    subscription: subscription.id,
    subscription_details: {
      items: [{ id: item.id, ...wanted }],
      proration_behavior: "always_invoice",
      proration_date: proratedAt,
    },
  });
  return { ...amountsOf(invoice), prorated_at: proratedAt };
}

/** Changes the plan at once, or has it wait for a payment that needs its payer. */
export async function change(work: BillingWork): Promise<BillingResult> {
  const planned = await changeOf(work);
  const { subscription, item, wanted } = planned;
  if (item.price.id === wanted.price) return alreadyThere(work, planned);
  if (await isWaiting(work, planned)) return outcomeOf(work, subscription);
  // By the item's id: a price alone would be sold besides.
  const changed = await work.stripe.subscriptions.update(
    subscription.id,
    {
      items: [{ id: item.id, ...wanted }],
      proration_behavior: "always_invoice",
      proration_date: planned.proratedAt,
      payment_behavior: "pending_if_incomplete",
      expand: ["latest_invoice.payments", "latest_invoice.confirmation_secret"],
    },
    keyOf(work.request, "change"),
  );
  return outcomeOf(work, changed);
}

async function changeOf(work: BillingWork): Promise<Change> {
  const subscription = await aliveSubscription(work);
  if (subscription.status === "past_due" || subscription.status === "unpaid") {
    throw new BillingRefusal("payment_overdue", "What is owed must be paid first.");
  }
  if (subscription.status === "paused") {
    throw new BillingRefusal("paused", "The subscription is paused. Resume it first.");
  }
  refuseScheduled(subscription);
  const present = await planItem(work, subscription);
  const { item } = present;
  return {
    subscription,
    item,
    wanted: await wantedPrice(work, present),
    proratedAt: prorationTime(work, item),
  };
}

/** Within the present period. Clocks differ; a preview, however, must be of this period. */
function prorationTime({ request }: BillingWork, item: Stripe.SubscriptionItem): number {
  const { current_period_start: start, current_period_end: end } = item;
  const asked = request.prorated_at ?? start;
  if (request.preview_id !== null && (asked < start || asked > end)) {
    throw new BillingRefusal(
      "preview_outdated",
      "A new period has begun since the preview. Please look at the price again.",
    );
  }
  return Math.min(Math.max(asked, start), end);
}

/** Whether an earlier attempt, which Stripe answered with 5xx, has left just this change waiting. */
async function isWaiting(work: BillingWork, { subscription, wanted }: Change): Promise<boolean> {
  if (work.request.key_generation === 0) return false;
  const items = subscription.pending_update?.subscription_items ?? [];
  return items.some((item) => item.price.id === wanted.price);
}

/**
 * There is nothing to change. An earlier attempt may have changed it: then the invoice is younger than
 * the request. An older one was for another change, and what waits is another: neither is told of.
 */
function alreadyThere({ request }: BillingWork, { subscription, item }: Change): BillingResult {
  const { latest_invoice: invoice, pending_update: pending } = subscription;
  const isOfThis =
    pending === null &&
    typeof invoice === "object" &&
    invoice?.billing_reason === "subscription_update" &&
    invoice.created >= Math.floor(request.created_at.getTime() / 1000);
  return isOfThis ? amountsOf(invoice) : nothing(item.price);
}

async function outcomeOf(
  work: BillingWork,
  subscription: Stripe.Subscription,
): Promise<BillingResult> {
  const { latest_invoice: invoice, pending_update: pending } = subscription;
  if (typeof invoice !== "object" || invoice === null) return {};
  const amounts = invoice.billing_reason === "subscription_update" ? amountsOf(invoice) : {};
  if (pending === null) return amounts;

  const { status, problem, clientSecret } = await paymentOf(work.stripe, invoice);
  if (status === "requires_action") return { ...amounts, client_secret: clientSecret };
  if (problem === undefined) {
    const message = "There is no card on file to pay the difference with.";
    throw new BillingRefusal("no_payment_method", message, clientSecret);
  }
  throw new BillingRefusal("card_declined", problem, clientSecret);
}

function nothing({ currency }: Stripe.Price): BillingResult {
  return { total: 0, amount_due: 0, currency, lines: [] };
}

function amountsOf(invoice: Stripe.Invoice): BillingResult {
  return {
    total: invoice.total,
    amount_due: invoice.amount_due,
    currency: invoice.currency,
    lines: invoice.lines.data
      .slice(0, MOST_LINES)
      .map(({ description, amount }) => ({ description, amount })),
  };
}
