import { Stripe } from "stripe";

import { copy, idOf, newId } from "../store.ts";
import type { Entry } from "./entries.ts";

/** An entry as a line of an invoice. */
export function lineOf(
  subscription: Stripe.Subscription,
  entry: Entry,
  invoice: string,
): Stripe.InvoiceLineItem {
  return {
    id: newId("il"),
    object: "line_item",
    amount: entry.amount,
    currency: subscription.currency,
    description: entry.description,
    discount_amounts: [],
    discountable: entry.isDiscountable,
    discounts: [],
    invoice,
    livemode: false,
    metadata: copy(subscription.metadata),
    parent: parentOf(subscription, entry),
    period: { ...entry.period },
    pretax_credit_amounts: [],
    pricing: pricingOf(entry),
    quantity: entry.quantity,
    quantity_decimal: Stripe.Decimal.from(entry.quantity),
    subscription: subscription.id,
    subtotal: entry.amount,
    taxes: [],
  };
}

/** What an entry costs a unit: of a part of a period, that part's price. */
export function pricingOf({ price, amount, isProration, quantity }: Entry) {
  if (price === null) return null;
  const unit =
    isProration || amount === 0 ? amount / Math.max(quantity, 1) : price.unit_amount_decimal;
  return {
    type: "price_details" as const,
    price_details: { price: price.id, product: idOf(price.product) },
    unit_amount_decimal: Stripe.Decimal.from(String(unit ?? 0)),
  };
}

function parentOf(subscription: Stripe.Subscription, entry: Entry): Stripe.InvoiceLineItem.Parent {
  const details = {
    invoice_item: entry.invoiceItem,
    proration: entry.isProration,
    proration_details: { credited_items: null },
    subscription: subscription.id,
  };
  if (entry.item !== null || entry.invoiceItem === null) {
    return {
      type: "subscription_item_details",
      invoice_item_details: null,
      subscription_item_details: { ...details, subscription_item: entry.item ?? "" },
    };
  }
  return {
    type: "invoice_item_details",
    invoice_item_details: { ...details, invoice_item: entry.invoiceItem },
    subscription_item_details: null,
  };
}
