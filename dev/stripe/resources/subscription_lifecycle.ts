import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";
import { idOf } from "../store.ts";
import { markVoid, stopCollecting, subscriptionOf } from "./invoice_states.ts";
import { applyPending, dropPending, isPendingFor } from "./pending_updates.ts";
import { resumeAfter } from "./resumptions.ts";

/** Why a subscription ended. */
export type EndReason = "cancellation_requested" | "payment_failed" | "payment_disputed";

/** True of a subscription that will never change its status again. */
export function isEnded(subscription: Stripe.Subscription): boolean {
  return subscription.status === "canceled" || subscription.status === "incomplete_expired";
}

/** The subscription if `invoice` is its latest: only that one decides its status. */
function judgedBy(context: Context, invoice: Stripe.Invoice): Stripe.Subscription | undefined {
  const subscription = subscriptionOf(context, invoice);
  const latest = subscription?.latest_invoice ?? null;
  if (subscription === undefined || latest === null || isPendingFor(context, invoice)) {
    return undefined;
  }
  return idOf(latest) === invoice.id && !isEnded(subscription) ? subscription : undefined;
}

/** Paying the latest invoice makes an incomplete or overdue subscription active. */
export function afterPaid(context: Context, invoice: Stripe.Invoice, method: string | null): void {
  applyPending(context, invoice);
  resumeAfter(context, invoice);
  const subscription = judgedBy(context, invoice);
  if (subscription === undefined) return;
  change(context, "customer.subscription.updated", subscription, () => {
    if (["incomplete", "past_due", "unpaid"].includes(subscription.status)) {
      subscription.status = "active";
    }
    const saves = subscription.payment_settings?.save_default_payment_method === "on_subscription";
    if (saves && method !== null) subscription.default_payment_method = method;
  });
}

/** A failed renewal makes the subscription past due; a failed first payment leaves it incomplete. */
export function afterFailed(context: Context, invoice: Stripe.Invoice): void {
  const subscription = judgedBy(context, invoice);
  if (subscription === undefined) return;
  change(context, "customer.subscription.updated", subscription, () => {
    if (["active", "trialing"].includes(subscription.status)) subscription.status = "past_due";
  });
}

/** Voiding the latest invoice takes the debt away; without its first one a subscription expires. */
export function afterVoided(context: Context, invoice: Stripe.Invoice): void {
  const subscription = judgedBy(context, invoice);
  if (subscription === undefined) return;
  change(context, "customer.subscription.updated", subscription, () => {
    if (["past_due", "unpaid"].includes(subscription.status)) subscription.status = "active";
    if (subscription.status === "incomplete") markExpired(context, subscription);
  });
}

/** 23 hours have passed without a first payment. */
export function expire(context: Context, subscription: Stripe.Subscription): void {
  change(context, "customer.subscription.updated", subscription, () =>
    markExpired(context, subscription),
  );
  for (const invoice of openInvoices(context, subscription)) markVoid(context, invoice);
}

function markExpired(context: Context, subscription: Stripe.Subscription): void {
  subscription.status = "incomplete_expired";
  subscription.ended_at = context.clock.now();
}

/** Ends a subscription at once. Debts stay, but are no longer collected automatically. */
export function cancelNow(
  context: Context,
  subscription: Stripe.Subscription,
  reason: EndReason,
  details: { comment?: string | null; feedback?: string | null } = {},
): void {
  dropPending(context, subscription);
  context.store.resumptions.delete(subscription.id);
  const now = context.clock.now();
  const wasIncomplete = subscription.status === "incomplete";
  subscription.status = "canceled";
  subscription.canceled_at ??= now;
  subscription.ended_at = now;
  subscription.cancellation_details = {
    comment: details.comment ?? subscription.cancellation_details?.comment ?? null,
    feedback: details.feedback ?? subscription.cancellation_details?.feedback ?? null,
    feedback_option: null,
    reason,
  };
  emit(context, "customer.subscription.deleted", subscription);
  for (const invoice of openInvoices(context, subscription)) {
    if (wasIncomplete) markVoid(context, invoice);
    else stopCollecting(context, invoice);
  }
}

function openInvoices(context: Context, subscription: Stripe.Subscription): Stripe.Invoice[] {
  return [...context.store.invoices.values()].filter(
    (invoice) =>
      (invoice.status === "open" || invoice.status === "draft") &&
      subscriptionOf(context, invoice) === subscription,
  );
}
