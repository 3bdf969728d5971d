import type { Stripe } from "stripe";

import type { Engine } from "../engine.ts";
import { money } from "../hosted/html.ts";
import { settingsOf } from "../resources/account_settings.ts";
import { idOf } from "../store.ts";

/** More than a person looks at; the API lists everything. */
const LIMIT = 100;

/** What the page shows, newest first. */
export function overview({ store, clock, webhooks, faults, chaos, rateLimits }: Engine): object {
  const deliveries = Map.groupBy(store.deliveries.values(), (delivery) => delivery.event);
  return {
    now: clock.now(),
    offset: clock.offset(),
    mode: webhooks.mode,
    pending: webhooks.pendingCount,
    faults: faults.planned(),
    chaos: chaos.settings(),
    rateLimits: rateLimits.mode,
    settings: settingsOf(store),
    checkouts: newest(store.checkoutSessions).map(checkoutSummary),
    portals: newest(store.portalSessions).map(({ id, customer, flow, created, url }) => ({
      id,
      customer,
      flow: flow?.type ?? null,
      created,
      url,
    })),
    customers: newest(store.customers).map((customer) => ({
      ...summaryOf(customer),
      subscriptions: [...store.subscriptions.values()]
        .filter((subscription) => idOf(subscription.customer) === customer.id)
        .toReversed()
        .map((subscription) => subscriptionSummary(subscription, store.products)),
      invoices: [...store.invoices.values()]
        .filter((invoice) => invoice.customer !== null && idOf(invoice.customer) === customer.id)
        .toReversed()
        .slice(0, LIMIT)
        .map((invoice) => invoiceSummary(invoice, store)),
    })),
    events: newest(store.events).map(({ id, type, created, data }) => ({
      id,
      type,
      created,
      object: objectId(data.object),
      deliveries: (deliveries.get(id) ?? []).map(({ state, attempts, nextAttemptMs }) => ({
        state,
        attempts,
        next: state === "pending" ? Math.floor(nextAttemptMs / 1000) : null,
      })),
    })),
  };
}

function newest<T>(table: ReadonlyMap<string, T>): T[] {
  return [...table.values()].slice(-LIMIT).toReversed();
}

function checkoutSummary(session: Stripe.Checkout.Session): object {
  const { id, status, mode, payment_status: payment, created, url } = session;
  const { amount_total: total, currency } = session;
  const amount = total === null ? null : money(total, currency ?? "usd");
  return { id, status, mode, payment, amount, created, url };
}

/** The charge that a card's holder may still dispute. */
function chargeOf({ charges }: Engine["store"], intent: Stripe.PaymentIntent): string | null {
  const charge = charges.get(idOf(intent.latest_charge ?? ""));
  return charge !== undefined && charge.paid && !charge.disputed ? charge.id : null;
}

function summaryOf(customer: Stripe.Customer | Stripe.DeletedCustomer): object {
  if (customer.deleted === true) return { id: customer.id, deleted: true };
  const { id, name, email, created, invoice_settings: settings } = customer;
  const card = settings.default_payment_method;
  return { id, name, email, created, card: card === null ? null : idOf(card) };
}

function subscriptionSummary(
  subscription: Stripe.Subscription,
  products: ReadonlyMap<string, Stripe.Product>,
): object {
  const { id, status, cancel_at, cancel_at_period_end, trial_end, items } = subscription;
  return {
    id,
    status,
    cancelAt: cancel_at,
    cancelAtPeriodEnd: cancel_at_period_end,
    trialEnd: trial_end,
    items: items.data.map(({ price, quantity, current_period_end: periodEnd }) => ({
      product: products.get(idOf(price.product))?.name ?? price.id,
      amount: price.unit_amount,
      currency: price.currency,
      interval: price.recurring?.interval ?? null,
      quantity,
      periodEnd,
    })),
  };
}

function invoiceSummary(invoice: Stripe.Invoice, store: Engine["store"]): object {
  const intent = paymentIntentOf(invoice, store);
  return {
    id: invoice.id,
    number: invoice.number,
    status: invoice.status,
    reason: invoice.billing_reason,
    amount: invoice.amount_due,
    currency: invoice.currency,
    created: invoice.created,
    attempts: invoice.attempt_count,
    nextAttempt: invoice.next_payment_attempt,
    intent: intent && { id: intent.id, status: intent.status, charge: chargeOf(store, intent) },
  };
}

function paymentIntentOf(
  invoice: Stripe.Invoice,
  store: Engine["store"],
): Stripe.PaymentIntent | undefined {
  for (const { invoice: paid, payment } of store.invoicePayments.values()) {
    const intent = payment.payment_intent;
    if (idOf(paid) === invoice.id && intent !== undefined)
      return store.paymentIntents.get(idOf(intent));
  }
  return undefined;
}

function objectId(object: unknown): string | null {
  const id: unknown =
    typeof object === "object" && object !== null ? Reflect.get(object, "id") : null;
  return typeof id === "string" ? id : null;
}
