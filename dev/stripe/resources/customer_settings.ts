import type { Stripe } from "stripe";

import * as p from "../params.ts";
import { address, fullAddress } from "./shared.ts";

/** How a customer's invoices look and which card pays them. */
export const invoiceSettings = p.shape(
  {},
  {
    custom_fields: p.emptyable(p.list(p.shape({ name: p.text, value: p.text }, {}))),
    default_payment_method: p.text,
    footer: p.text,
    rendering_options: p.emptyable(
      p.shape(
        {},
        {
          amount_tax_display: p.oneOf("exclude_tax", "include_inclusive_tax", ""),
          template: p.text,
        },
      ),
    ),
  },
);

/** Where things are sent to. */
export const shipping = p.emptyable(p.shape({ address, name: p.text }, { phone: p.text }));

/** Writes into a customer's settings what was given of them. */
export function assignInvoiceSettings(
  settings: Stripe.Customer.InvoiceSettings,
  given: ReturnType<typeof invoiceSettings>,
): void {
  if (given.footer !== undefined) settings.footer = p.textOrNull(given.footer);
  if (given.default_payment_method !== undefined) {
    settings.default_payment_method = p.textOrNull(given.default_payment_method);
  }
  if (given.custom_fields !== undefined) settings.custom_fields = given.custom_fields;
  const rendering = given.rendering_options;
  if (rendering === null) settings.rendering_options = null;
  else if (rendering !== undefined) {
    settings.rendering_options = {
      amount_tax_display: p.textOrNull(rendering.amount_tax_display),
      template: p.textOrNull(rendering.template),
    };
  }
}

/** The parameter as Stripe shows it. */
export function shippingOf(given: ReturnType<typeof shipping>): Stripe.Customer.Shipping | null {
  if (given === null) return null;
  const to = fullAddress(given.address);
  return {
    name: given.name,
    phone: p.textOrNull(given.phone),
    ...(to === null ? {} : { address: to }),
  };
}
