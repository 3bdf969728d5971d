import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { search, SEARCH } from "../search.ts";
import { newId, randomText } from "../store.ts";
import {
  assignInvoiceSettings,
  invoiceSettings,
  shipping,
  shippingOf,
} from "./customer_settings.ts";
import { attach, detach, usablePaymentMethod } from "./payment_methods.ts";
import { address, found, fullAddress, liveCustomer } from "./shared.ts";
import { cancelNow, isEnded } from "./subscription_lifecycle.ts";
import { putOnClock } from "./test_clock_members.ts";

const FIELDS = {
  address,
  balance: p.integer,
  description: p.text,
  email: p.text,
  invoice_prefix: p.text,
  invoice_settings: invoiceSettings,
  metadata: p.metadata,
  name: p.text,
  phone: p.text,
  preferred_locales: p.list(p.text),
  shipping,
  // Where taxes are due is of no account where none are calculated.
  tax: p.shape({}, { ip_address: p.text, validate_location: p.oneOf("deferred", "immediately") }),
  tax_exempt: p.oneOf("exempt", "none", "reverse", ""),
};
const NEW = { ...FIELDS, payment_method: p.text, test_clock: p.text };
const LIST = { ...PAGE, email: p.text, created, test_clock: p.text };
type Fields = p.Optional<typeof FIELDS>;

/** The endpoints under /v1/customers. */
export const customerRoutes = [
  route("POST", "/v1/customers", { optional: NEW }, createCustomer),
  route("GET", "/v1/customers/search", SEARCH, (context, params) => {
    const live = [...context.store.customers.values()].filter(isLive);
    return search(live, params, "/v1/customers/search");
  }),
  route("GET", "/v1/customers/:id", {}, (context, _params, id) =>
    found(context.store.customers, "customer", id),
  ),
  route("POST", "/v1/customers/:id", { optional: FIELDS }, (context, params, id) => {
    const customer = liveCustomer(context.store, id);
    checkDefault(context, customer, params);
    change(context, "customer.updated", customer, () => assign(customer, params));
    return customer;
  }),
  route("DELETE", "/v1/customers/:id", {}, (context, _params, id) => removeCustomer(context, id)),
  route("GET", "/v1/customers", { optional: LIST }, (context, params) => {
    const rows = [...context.store.customers.values()]
      .filter(isLive)
      .filter((row) => row.test_clock === (params.test_clock ?? null))
      .filter((row) => params.email === undefined || row.email === params.email)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/customers");
  }),
];

function isLive(row: Stripe.Customer | Stripe.DeletedCustomer): row is Stripe.Customer {
  return row.deleted !== true;
}

/** Creates a customer, with its cards. */
export function createCustomer(context: Context, params: p.Optional<typeof NEW>): Stripe.Customer {
  const customer = blank(context);
  if (params.test_clock !== undefined) putOnClock(context, customer, params.test_clock);
  const { default_payment_method: wanted, ...settings } = params.invoice_settings ?? {};
  assign(customer, { ...params, invoice_settings: settings });
  const methods = [params.payment_method, wanted].filter((id) => id !== undefined);
  const usable = [...new Set(methods)].map((id) =>
    usablePaymentMethod(context, id, "payment_method"),
  );
  for (const method of usable) attach(context, method, customer.id);
  if (wanted !== undefined) {
    customer.invoice_settings.default_payment_method = usable.at(-1)?.id ?? null;
  }
  context.store.customers.set(customer.id, customer);
  emit(context, "customer.created", customer);
  return customer;
}

function blank(context: Context): Stripe.Customer {
  return {
    id: newId("cus"),
    object: "customer",
    address: null,
    balance: 0,
    created: context.clock.now(),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: null,
    invoice_prefix: randomText(8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
  };
}

function assign(customer: Stripe.Customer, params: Fields): void {
  for (const field of ["description", "email", "name", "phone"] as const) {
    const value = params[field];
    if (value !== undefined) customer[field] = p.textOrNull(value);
  }
  if (params.address !== undefined) customer.address = fullAddress(params.address);
  if (params.balance !== undefined) customer.balance = params.balance;
  if (params.invoice_prefix !== undefined) customer.invoice_prefix = params.invoice_prefix;
  if (params.preferred_locales !== undefined) {
    customer.preferred_locales = params.preferred_locales;
  }
  if (params.tax_exempt !== undefined) customer.tax_exempt = params.tax_exempt || "none";
  customer.metadata = p.mergeMetadata(customer.metadata, params.metadata);
  if (params.shipping !== undefined) customer.shipping = shippingOf(params.shipping);
  assignInvoiceSettings(customer.invoice_settings, params.invoice_settings ?? {});
}

/** A default payment method must be attached to the customer already. */
function checkDefault(context: Context, customer: Stripe.Customer, params: Fields): void {
  const id = params.invoice_settings?.default_payment_method;
  if (id === undefined || id === "") return;
  const param = "invoice_settings[default_payment_method]";
  const method = found(context.store.paymentMethods, "PaymentMethod", id, param);
  if (method.customer !== customer.id) {
    throw invalidParameter(
      param,
      `The customer does not have a payment method with the ID ${id}. It must be attached first.`,
      "resource_missing",
    );
  }
}

/** Deletes a customer, and ends all it had. */
export function removeCustomer(context: Context, id: string): Stripe.DeletedCustomer {
  const customer = liveCustomer(context.store, id);
  for (const subscription of context.store.subscriptions.values()) {
    if (subscription.customer === id && !isEnded(subscription)) {
      cancelNow(context, subscription, "cancellation_requested");
    }
  }
  for (const method of context.store.paymentMethods.values()) {
    if (method.customer === id) detach(context, method);
  }
  const deleted = { id, object: "customer", deleted: true } as const;
  context.store.customers.set(id, deleted);
  emit(context, "customer.deleted", customer);
  return deleted;
}
