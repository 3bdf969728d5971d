import { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { list } from "../pagination.ts";
import { copy, idOf, newId } from "../store.ts";
import { liveCustomer } from "./shared.ts";

type Reason = "subscription_create" | "subscription_cycle";

/** What an invoice is for: these items, at these unit prices (nothing during a trial). */
export type Billed = { items: Stripe.SubscriptionItem[]; isTrial: boolean; reason: Reason };

/** Writes the draft of an invoice for a subscription and makes it the latest one. */
export function draftInvoice(
  context: Context,
  subscription: Stripe.Subscription,
  billed: Billed,
): Stripe.Invoice {
  const id = newId("in");
  const lines = billed.items.map((item) => line(subscription, item, id, billed.isTrial));
  const total = lines.reduce((sum, each) => sum + each.amount, 0);
  const customer = liveCustomer(context.store, idOf(subscription.customer), "customer");
  const now = context.clock.now();
  const invoice: Stripe.Invoice = {
    ...emptyInvoice(id, now),
    ...amounts(total),
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
    lines: list(lines, false, `/v1/invoices/${id}/lines`),
    parent: {
      type: "subscription_details",
      quote_details: null,
      subscription_details: {
        metadata: copy(subscription.metadata),
        subscription: subscription.id,
      },
    },
    test_clock: subscription.test_clock,
  };
  context.store.invoices.set(id, invoice);
  return invoice;
}

/** Says that a draft exists; apart from making it, because the subscription's event comes first. */
export function announceDraft(context: Context, invoice: Stripe.Invoice): void {
  emit(context, "invoice.created", invoice);
}

function line(
  subscription: Stripe.Subscription,
  item: Stripe.SubscriptionItem,
  invoice: string,
  isTrial: boolean,
): Stripe.InvoiceLineItem {
  const unit = isTrial ? 0 : (item.price.unit_amount ?? 0);
  const quantity = item.quantity ?? 1;
  return {
    id: newId("il"),
    object: "line_item",
    amount: unit * quantity,
    currency: subscription.currency,
    description: isTrial ? "Trial period" : `${quantity} × ${item.price.nickname ?? item.price.id}`,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    metadata: copy(subscription.metadata),
    parent: {
      type: "subscription_item_details",
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscription.id,
        subscription_item: item.id,
      },
    },
    period: { start: item.current_period_start, end: item.current_period_end },
    pretax_credit_amounts: [],
    pricing: {
      type: "price_details",
      price_details: {
        price: item.price.id,
        product: typeof item.price.product === "string" ? item.price.product : "",
      },
      unit_amount_decimal: Stripe.Decimal.from(unit),
    },
    quantity,
    quantity_decimal: Stripe.Decimal.from(quantity),
    subscription: subscription.id,
    subtotal: unit * quantity,
    taxes: [],
  };
}

function amounts(total: number) {
  return {
    amount_due: total,
    amount_remaining: total,
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
  };
}

const NO_TAX = {
  disabled_reason: null,
  enabled: false,
  liability: null,
  provider: null,
  status: null,
};
const PAYMENT_SETTINGS = {
  default_mandate: null,
  payment_method_options: null,
  payment_method_types: null,
};

/** What every new invoice has in common. */
function emptyInvoice(id: string, now: number) {
  return {
    id,
    object: "invoice",
    account_country: "US",
    account_name: "Emulated account",
    account_tax_ids: null,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    automatic_tax: { ...NO_TAX },
    collection_method: "charge_automatically",
    created: now,
    custom_fields: null,
    customer_account: null,
    customer_shipping: null,
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    due_date: null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: "self" },
    last_finalization_error: null,
    latest_revision: null,
    livemode: false,
    metadata: {},
    next_payment_attempt: null,
    number: null,
    on_behalf_of: null,
    payment_settings: { ...PAYMENT_SETTINGS },
    period_end: now,
    period_start: now,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: "draft",
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    total_discount_amounts: [],
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: null,
  } satisfies Partial<Stripe.Invoice>;
}
