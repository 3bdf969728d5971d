import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { idOf } from "../store.ts";
import type { Store } from "../store.ts";
import { intentOf } from "./invoice_states.ts";

type Session = Stripe.Checkout.Session;
/** What the bank still has to be told before an attempt goes on. */
export type Waiting =
  { kind: "payment"; invoice: Stripe.Invoice } | { kind: "setup"; intent: Stripe.SetupIntent };

/** True of a session whose customer's time is that of the test clock; null is the emulator's own. */
export function isOnClock(store: Store, session: Session, testClock: string | null): boolean {
  const customer = store.customers.get(idOf(session.customer ?? ""));
  const own = customer === undefined || customer.deleted === true ? null : customer.test_clock;
  return (own ?? null) === testClock;
}

/** Completes a session that has been paid for meanwhile, and expires one whose time is up. */
export function catchUp(context: Context, session: Session): void {
  if (session.status !== "open") return;
  const subscription = soldSubscription(context, session);
  if (subscription !== undefined && ["active", "trialing"].includes(subscription.status)) {
    complete(context, session);
  } else if (session.expires_at <= context.clock.now()) {
    expireSession(context, session);
  }
}

/** The subscription that an attempt to pay has made. */
export function soldSubscription(
  context: Context,
  session: Session,
): Stripe.Subscription | undefined {
  const id = context.store.checkouts.get(session.id)?.subscription;
  return context.store.subscriptions.get(id ?? "");
}

/** The first invoice of a subscription. */
export function firstInvoice(
  context: Context,
  subscription: Stripe.Subscription | undefined,
): Stripe.Invoice | undefined {
  return context.store.invoices.get(idOf(subscription?.latest_invoice ?? ""));
}

/** What the customer's bank is asking, if it is asking. */
export function waitingFor(context: Context, session: Session): Waiting | undefined {
  const invoice = firstInvoice(context, soldSubscription(context, session));
  if (invoice !== undefined && intentOf(context, invoice)?.status === "requires_action") {
    return { kind: "payment", invoice };
  }
  const id = context.store.checkouts.get(session.id)?.setupIntent;
  const intent = context.store.setupIntents.get(id ?? "");
  return intent?.status === "requires_action" ? { kind: "setup", intent } : undefined;
}

/** Nobody can pay it any more; what was begun is left to its own 23 hours. */
export function expireSession(context: Context, session: Session): void {
  session.status = "expired";
  session.url = null;
  emit(context, "checkout.session.expired", session);
}

/** The customer has got through: the session says what came of it, so far as it is known. */
export function complete(
  context: Context,
  session: Session,
  payment: "paid" | "unpaid" = "paid",
): void {
  const checkout = context.store.checkouts.get(session.id);
  const subscription = soldSubscription(context, session);
  session.status = "complete";
  session.url = null;
  session.customer = checkout?.customer ?? null;
  if (session.mode === "subscription") {
    session.payment_status = session.amount_total === 0 ? "no_payment_required" : payment;
    session.subscription = subscription?.id ?? null;
    session.invoice = firstInvoice(context, subscription)?.id ?? null;
  } else {
    session.setup_intent = checkout?.setupIntent ?? null;
  }
  session.customer_details = detailsOf(context, session);
  emit(context, "checkout.session.completed", session);
}

function detailsOf(context: Context, session: Session): Session["customer_details"] {
  const customer = context.store.customers.get(idOf(session.customer ?? ""));
  if (customer === undefined || customer.deleted === true) return session.customer_details;
  return {
    address: customer.address ?? null,
    business_name: null,
    email: customer.email,
    individual_name: null,
    name: customer.name ?? null,
    phone: customer.phone ?? null,
    tax_exempt: customer.tax_exempt ?? "none",
    tax_ids: [],
  };
}
