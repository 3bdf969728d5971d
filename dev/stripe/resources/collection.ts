import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";
import { idOf } from "../store.ts";
import { GENERIC_DECLINE, TEST_CARDS } from "../test_cards.ts";
import { settingsOf } from "./account_settings.ts";
import { charge } from "./charging.ts";
import type { Manner, Outcome } from "./charging.ts";
import { openDispute } from "./dispute_draft.ts";
import {
  defaultMethod,
  finalize,
  intentOf,
  markFailed,
  markPaid,
  subscriptionOf,
} from "./invoice_states.ts";
import { writeOff } from "./pause_collection.ts";
import { pauseNow } from "./paused.ts";
import { attach } from "./payment_methods.ts";
import { isPendingFor } from "./pending_updates.ts";
import { afterFailed, afterPaid, cancelNow, isEnded } from "./subscription_lifecycle.ts";

const DAY = 86_400;
/** When a failed renewal is tried again, counted from its finalization. After the last: canceled. */
const RETRIES = [3 * DAY, 8 * DAY, 15 * DAY];

/** Who wants the money: a caller with a payment method, or the emulator by its own schedule. */
export type Collection = Manner & { method?: string; automatic: boolean };

/** Collects an open invoice, and brings it and its subscription to where that leads. */
export function collect(context: Context, invoice: Stripe.Invoice, how: Collection): Outcome {
  const method = how.method ?? defaultMethod(context, invoice);
  const intent = intentOf(context, invoice);
  if (intent === undefined) {
    settle(context, invoice, null);
    return "succeeded";
  }
  if (intent.status === "processing") return "processing";
  const hasNothingToCharge = method === null && how.outcome !== "pay";
  const outcome = hasNothingToCharge ? GENERIC_DECLINE : charge(context, intent, method, how);
  if (outcome === "succeeded") {
    settle(context, invoice, method);
    disputeLater(context, intent, method);
  } else if (outcome === "processing") {
    change(context, "invoice.updated", invoice, () => {
      invoice.attempted = true;
      invoice.next_payment_attempt = null;
    });
  } else {
    fail(context, invoice, outcome, how);
  }
  return outcome;
}

/** Finalizes a draft and collects it at once. */
export function finalizeAndCollect(
  context: Context,
  invoice: Stripe.Invoice,
  outcome?: "pay" | "fail",
): void {
  finalize(context, invoice);
  if (writeOff(context, subscriptionOf(context, invoice), invoice)) return;
  const how = { offSession: true, automatic: true };
  collect(context, invoice, outcome === undefined ? how : { ...how, outcome });
}

/** The intent has been paid, or there was nothing to pay. */
function settle(context: Context, invoice: Stripe.Invoice, method: string | null): void {
  const used = context.store.paymentMethods.get(method ?? "");
  if (used !== undefined && typeof invoice.customer === "string") {
    attach(context, used, invoice.customer);
  }
  markPaid(context, invoice, intentOf(context, invoice) === undefined ? "nothing" : "intent");
  afterPaid(context, invoice, method);
}

function fail(
  context: Context,
  invoice: Stripe.Invoice,
  outcome: Outcome,
  { automatic, offSession }: Collection,
): void {
  if (outcome === "requires_action") emit(context, "invoice.payment_action_required", invoice);
  // With the customer there, asking for authentication is a step and not yet a failure.
  if (outcome === "requires_action" && !offSession) return;
  const next = automatic ? nextRetry(context, invoice) : invoice.next_payment_attempt;
  markFailed(context, invoice, next);
  afterFailed(context, invoice);
  const subscription = subscriptionOf(context, invoice);
  const isLast = automatic && next === null && isRetried(context, invoice);
  if (isLast && subscription !== undefined && !isEnded(subscription)) giveUp(context, subscription);
}

/** The last retry has failed. */
function giveUp(context: Context, subscription: Stripe.Subscription): void {
  const { after_retries: choice } = settingsOf(context.store);
  // What is billed in classic mode can't be paused, and is canceled then.
  const pauses = choice === "pause" && subscription.billing_mode.type === "flexible";
  if (pauses) return pauseNow(context, subscription, "final_payment_failure");
  if (choice === "cancel" || choice === "pause") {
    cancelNow(context, subscription, "payment_failed");
  }
  if (choice !== "unpaid") return;
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.status = "unpaid";
  });
}

/** The holder of a card disputes a charge; the account may have chosen to end what it paid for. */
export function dispute(context: Context, disputed: Stripe.Charge): Stripe.Dispute {
  const opened = openDispute(context, disputed);
  const payment = [...context.store.invoicePayments.values()].find(
    (each) => each.payment.payment_intent === disputed.payment_intent,
  );
  const invoice = context.store.invoices.get(idOf(payment?.invoice ?? ""));
  const subscription = invoice === undefined ? undefined : subscriptionOf(context, invoice);
  const cancels = settingsOf(context.store).on_dispute === "cancel";
  if (cancels && subscription !== undefined && !isEnded(subscription)) {
    cancelNow(context, subscription, "payment_disputed");
  }
  return opened;
}

/** Some test cards dispute what they have paid, soon afterwards. */
function disputeLater(context: Context, intent: Stripe.PaymentIntent, method: string | null): void {
  const number = context.store.cards.get(method ?? "")?.number ?? "";
  const made = context.store.charges.get(idOf(intent.latest_charge ?? ""));
  if (made === undefined || TEST_CARDS.get(number)?.isDisputed !== true) return;
  context.later((afterwards) => void dispute(afterwards, made));
}

/** First payments, and those of pending updates, have 23 hours; nobody else tries them again. */
function isRetried(context: Context, invoice: Stripe.Invoice): boolean {
  return invoice.billing_reason !== "subscription_create" && !isPendingFor(context, invoice);
}

function nextRetry(context: Context, invoice: Stripe.Invoice): number | null {
  const finalizedAt = invoice.status_transitions.finalized_at;
  if (finalizedAt === null || !isRetried(context, invoice)) return null;
  const times = RETRIES.map((wait) => finalizedAt + wait);
  return times.find((time) => time > context.clock.now()) ?? null;
}

/** The customer has answered the bank's question about this intent's payment. */
export function authenticate(
  context: Context,
  invoice: Stripe.Invoice,
  outcome: "pay" | "fail",
): Outcome {
  const intent = intentOf(context, invoice);
  const method = typeof intent?.payment_method === "string" ? intent.payment_method : undefined;
  const how = { offSession: false, automatic: false, outcome };
  return collect(context, invoice, method === undefined ? how : { ...how, method });
}
