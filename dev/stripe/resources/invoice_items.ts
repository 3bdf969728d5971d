import { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { copy, idOf, newId } from "../store.ts";
import type { Entry } from "./entries.ts";
import { pricingOf } from "./invoice_lines.ts";
import { found } from "./shared.ts";

const LIST = { ...PAGE, created, customer: p.text, invoice: p.text, pending: p.boolean };

/** The endpoints under /v1/invoiceitems. Changes of subscriptions make them, so there is no create. */
export const invoiceItemRoutes = [
  route("GET", "/v1/invoiceitems/:id", {}, (context, _params, id) =>
    found(context.store.invoiceItems, "invoiceitem", id),
  ),
  route("GET", "/v1/invoiceitems", { optional: LIST }, (context, params) => {
    const { customer, invoice, pending } = params;
    const rows = [...context.store.invoiceItems.values()]
      .filter((row) => customer === undefined || row.customer === customer)
      .filter((row) => invoice === undefined || row.invoice === invoice)
      .filter((row) => pending === undefined || pending === (row.invoice === null))
      .filter((row) => isCreatedIn(row.date, params.created));
    return page(rows, params, "/v1/invoiceitems");
  }),
];

/** Keeps prorations for an invoice to come. */
export function addInvoiceItems(
  context: Context,
  subscription: Stripe.Subscription,
  prorations: Entry[],
): void {
  for (const entry of prorations) {
    const item = invoiceItem(context, subscription, entry);
    context.store.invoiceItems.set(item.id, item);
    emit(context, "invoiceitem.created", item);
  }
}

function invoiceItem(
  context: Context,
  subscription: Stripe.Subscription,
  entry: Entry,
): Stripe.InvoiceItem {
  return {
    id: newId("ii"),
    object: "invoiceitem",
    amount: entry.amount,
    currency: subscription.currency,
    customer: idOf(subscription.customer),
    customer_account: null,
    date: context.clock.now(),
    description: entry.description,
    discountable: entry.isDiscountable,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: copy(subscription.metadata),
    net_amount: entry.amount,
    parent: {
      type: "subscription_details",
      subscription_details: {
        subscription: subscription.id,
        ...(entry.item === null ? {} : { subscription_item: entry.item }),
      },
    },
    period: { ...entry.period },
    pricing: pricingOf(entry),
    proration: entry.isProration,
    quantity: entry.quantity,
    quantity_decimal: Stripe.Decimal.from(entry.quantity),
    tax_rates: [],
    test_clock: subscription.test_clock,
  };
}

/** What waits for a subscription's next invoice. */
export function waitingEntries(context: Context, subscription: Stripe.Subscription): Entry[] {
  return [...context.store.invoiceItems.values()]
    .filter((item) => item.invoice === null)
    .filter((item) => item.parent?.subscription_details?.subscription === subscription.id)
    .map((item) => ({
      amount: item.amount,
      description: item.description ?? "",
      isProration: item.proration,
      isDiscountable: item.discountable,
      period: item.period,
      price: priceOf(context, item),
      quantity: item.quantity,
      item: item.parent?.subscription_details?.subscription_item ?? null,
      invoiceItem: item.id,
    }));
}

function priceOf(context: Context, item: Stripe.InvoiceItem): Stripe.Price | null {
  const price = item.pricing?.price_details?.price;
  return price === undefined ? null : (context.store.prices.get(idOf(price)) ?? null);
}
