import type Stripe from "stripe";

import { idOf } from "./stripe_id.ts";
import { readAll } from "./stripe_read_all.ts";

/** What app_private.record_stripe_customer takes for each invoice; times in Unix seconds. */
export type InvoiceTruth = {
  id: string;
  customer_id: string | null;
  subscription_id: string | null;
  number: string | null;
  status: string;
  billing_reason: string | null;
  attempt_count: number;
  next_payment_attempt: number | null;
  currency: string;
  amount_due: number;
  amount_paid: number;
  amount_remaining: number;
  hosted_invoice_url: string | null;
  invoice_pdf: string | null;
  period_start: number;
  period_end: number;
  finalized_at: number | null;
  paid_at: number | null;
  created: number;
};

const PAGE = 100;

/**
 * A customer's newest invoices, all open ones, and those of `unsettledIds` that are neither, newest
 * first. No drafts: those are changed, and deleted, before anybody owes them.
 */
export async function fetchInvoices(
  { invoices }: Pick<Stripe, "invoices">,
  customer: string,
  unsettledIds: readonly string[],
): Promise<Stripe.Invoice[]> {
  const newest = await invoices.list({ customer, limit: PAGE });
  const found = new Map(newest.data.map((invoice) => [invoice.id, invoice]));
  if (newest.has_more) {
    const open = await readAll(invoices.list({ customer, status: "open", limit: PAGE }));
    for (const invoice of open) found.set(invoice.id, invoice);
    for (const id of unsettledIds) {
      if (!found.has(id)) found.set(id, await invoices.retrieve(id));
    }
  }
  return [...found.values()]
    .filter(({ status }) => status !== "draft")
    .toSorted((one, other) => other.created - one.created);
}

export function invoiceTruth(invoice: Stripe.Invoice): InvoiceTruth {
  const { status_transitions: transitions } = invoice;
  return {
    id: invoice.id,
    customer_id: idOf(invoice.customer),
    subscription_id: subscriptionOf(invoice),
    number: invoice.number,
    status: invoice.status ?? "draft",
    billing_reason: invoice.billing_reason,
    attempt_count: invoice.attempt_count,
    next_payment_attempt: invoice.next_payment_attempt,
    currency: invoice.currency,
    amount_due: invoice.amount_due,
    amount_paid: invoice.amount_paid,
    amount_remaining: invoice.amount_remaining,
    hosted_invoice_url: invoice.hosted_invoice_url ?? null,
    invoice_pdf: invoice.invoice_pdf ?? null,
    period_start: invoice.period_start,
    period_end: invoice.period_end,
    finalized_at: transitions.finalized_at,
    paid_at: transitions.paid_at,
    created: invoice.created,
  };
}

/**
 * When the debt of a subscription began that runs now: when its oldest invoice was finalised, or due,
 * that is open and newer than the last one settled. Older ones that were left open belong to a debt that has
 * been over since. One written off counts as settled, unless it is the newest: then it is what is
 * overdue, if anything is. `invoices` are newest first.
 */
export function debtSince(
  subscriptionId: string,
  invoices: readonly Stripe.Invoice[],
): number | null {
  const own = invoices.filter((invoice) => subscriptionOf(invoice) === subscriptionId);
  const owing = own[0]?.status === "uncollectible" ? ["open", "uncollectible"] : ["open"];
  return oldestOf(own, ({ status }) => owing.includes(status ?? ""));
}

/**
 * The same, were nothing settled by being written off after a payment of it had failed. What was never
 * tried was written off by a pause of collection, and nobody owes it.
 */
export function unpaidSince(
  subscriptionId: string,
  invoices: readonly Stripe.Invoice[],
): number | null {
  const own = invoices.filter((invoice) => subscriptionOf(invoice) === subscriptionId);
  return oldestOf(
    own,
    ({ status, attempt_count: attempts }) =>
      status === "open" || (status === "uncollectible" && attempts > 0),
  );
}

/** Since when the oldest is owed of the newest invoices that are all owed; null when none is. */
function oldestOf(
  newestFirst: readonly Stripe.Invoice[],
  isOwed: (invoice: Stripe.Invoice) => boolean,
): number | null {
  const settled = newestFirst.findIndex((invoice) => !isOwed(invoice));
  const owed = settled === -1 ? newestFirst : newestFirst.slice(0, settled);
  const times = owed.flatMap(
    // One that is sent, to be paid within some weeks, is no debt before those are over.
    (invoice) => invoice.due_date ?? invoice.status_transitions.finalized_at ?? [],
  );
  return times.length === 0 ? null : Math.min(...times);
}

function subscriptionOf(invoice: Stripe.Invoice): string | null {
  return idOf(invoice.parent?.subscription_details?.subscription ?? null);
}
