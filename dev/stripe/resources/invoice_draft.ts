import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { list } from "../pagination.ts";
import { copy, idOf, newId } from "../store.ts";
import { discountLines } from "./discounting.ts";
import type { Entry } from "./entries.ts";
import { emptyInvoice } from "./invoice_blank.ts";
import { lineOf } from "./invoice_lines.ts";
import { liveCustomer } from "./shared.ts";

type Reason = "subscription_create" | "subscription_cycle" | "subscription_update" | "upcoming";

/** What an invoice is for, and what is taken off it. */
export type Billed = { entries: Entry[]; discounts: Stripe.Discount[]; reason: Reason };

/** The draft of an invoice for a subscription; it is not stored. */
export function composeInvoice(
  context: Context,
  subscription: Stripe.Subscription,
  billed: Billed,
  id = newId("in"),
): Stripe.Invoice {
  const customer = liveCustomer(context.store, idOf(subscription.customer), "customer");
  const lines = billed.entries.map((entry) => lineOf(subscription, entry, id));
  const discountAmounts = discountLines(context, billed.discounts, lines);
  const subtotal = lines.reduce((sum, each) => sum + each.amount, 0);
  const total = discountAmounts.reduce((rest, each) => rest - each.amount, subtotal);
  const now = context.clock.now();
  return {
    ...emptyInvoice(id, now),
    ...amounts(total, customer.balance),
    auto_advance: true,
    automatically_finalizes_at: now + 3600,
    billing_reason: billed.reason,
    currency: subscription.currency,
    customer: customer.id,
    customer_address: customer.address ?? null,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: customer.phone ?? null,
    customer_tax_exempt: customer.tax_exempt ?? "none",
    discounts: billed.discounts.map((each) => each.id),
    lines: list(lines, false, `/v1/invoices/${id}/lines`),
    parent: {
      type: "subscription_details",
      quote_details: null,
      subscription_details: {
        metadata: copy(subscription.metadata),
        subscription: subscription.id,
      },
    },
    subtotal,
    subtotal_excluding_tax: subtotal,
    test_clock: subscription.test_clock,
    total_discount_amounts: discountAmounts,
    total_pretax_credit_amounts: discountAmounts.map((each) => ({ ...each, type: "discount" })),
  };
}

/** Writes the draft of an invoice for a subscription, with what has waited for the next one. */
export function draftInvoice(
  context: Context,
  subscription: Stripe.Subscription,
  billed: Billed,
): Stripe.Invoice {
  const invoice = composeInvoice(context, subscription, billed);
  context.store.invoices.set(invoice.id, invoice);
  for (const { invoiceItem } of billed.entries) {
    const item = context.store.invoiceItems.get(invoiceItem ?? "");
    if (item !== undefined) item.invoice = invoice.id;
  }
  return invoice;
}

/** Says that a draft exists; apart from making it, because the subscription's event comes first. */
export function announceDraft(context: Context, invoice: Stripe.Invoice): void {
  emit(context, "invoice.created", invoice);
}

/** What is to be paid of a total: a credit on the customer's balance (negative) counts against it. */
export function amounts(total: number, balance: number) {
  const due = Math.max(0, total + balance);
  return {
    amount_due: due,
    amount_remaining: due,
    starting_balance: balance,
    ending_balance: null,
    total,
    total_excluding_tax: total,
  };
}
