/** One call by the SDK for every endpoint of the emulator; whoever adds a route adds its call. */
import type { Stripe } from "stripe";

import { BILLING_CALLS } from "./stripe_billing_calls.ts";
import { HOSTED_CALLS } from "./stripe_hosted_calls.ts";
import { THIN_CALLS } from "./stripe_thin_calls.ts";
import { intentOf, type Emulated } from "./stripe_support.ts";

/** What the calls find there. Each that spoils something makes its own. */
export type World = {
  stripe: Stripe;
  product: Stripe.Product;
  price: Stripe.Price;
  customer: Stripe.Customer;
  /** Of the customer, and never paid by the calls below. */
  subscription: Stripe.Subscription;
  invoice: Stripe.Invoice;
  /** That of the invoice. */
  intent: string;
  /** Moves the emulator's clock. */
  advance(seconds: number): Promise<unknown>;
  control: Emulated["control"];
};
/** A call of one endpoint. */
export type Call = (world: World) => Promise<unknown>;

/** Makes the world through the API, too. */
export async function makeWorld({ stripe, control }: Emulated): Promise<World> {
  const product = await stripe.products.create({ name: "Pro" });
  const price = await stripe.prices.create(monthly(product.id));
  const customer = await stripe.customers.create({ email: "alice@acme.test" });
  const advance = (seconds: number) => control("advance", { seconds });
  const subscribed = await subscribe(stripe, customer.id, price.id);
  return { stripe, product, price, customer, ...subscribed, advance, control };
}

function monthly(product: string): Stripe.PriceCreateParams {
  return { product, currency: "usd", unit_amount: 1900, recurring: { interval: "month" } };
}

/** A subscription that waits for its first payment, with its invoice and the intent of that. */
async function subscribe(stripe: Stripe, customer: string, price: string) {
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price }],
    payment_behavior: "default_incomplete",
    expand: ["latest_invoice.confirmation_secret"],
  });
  const invoice = subscription.latest_invoice;
  if (invoice === null || typeof invoice === "string") throw new Error("not expanded");
  return { subscription, invoice, intent: intentOf(subscription) };
}

async function another({ stripe, price }: World) {
  const customer = await stripe.customers.create({ email: "bob@globex.test" });
  return { customer, ...(await subscribe(stripe, customer.id, price.id)) };
}

async function attached({ stripe, customer }: World): Promise<Stripe.PaymentMethod> {
  return stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
}

/** An invoice is a draft for an hour after a period has ended: here, a trial's. */
async function draft({ stripe, customer, price, advance }: World): Promise<string> {
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    trial_end: customer.created + 7200,
  });
  await advance(7200);
  const { data } = await stripe.invoices.list({ subscription: id, status: "draft" });
  return data[0]?.id ?? "";
}

const list = { limit: 3 };

/** By method and path, as in routes.ts. */
export const CALLS: Record<string, Call> = {
  ...BILLING_CALLS,
  ...HOSTED_CALLS,
  "POST /v1/customers": ({ stripe }) =>
    stripe.customers.create({
      name: "Acme",
      email: "a@acme.test",
      address: { country: "DE", city: "Berlin" },
      metadata: { a: 1 },
      preferred_locales: ["de"],
      tax_exempt: "reverse",
      payment_method: "pm_card_visa",
      invoice_settings: { default_payment_method: "pm_card_visa", footer: "Thanks" },
    }),
  "GET /v1/customers/search": ({ stripe }) =>
    stripe.customers.search({ query: "email:'alice@acme.test'", limit: 1 }),
  "GET /v1/customers/:id": ({ stripe, customer }) =>
    stripe.customers.retrieve(customer.id, { expand: ["subscriptions"] }),
  "POST /v1/customers/:id": ({ stripe, customer }) =>
    stripe.customers.update(customer.id, { name: "Alice", phone: "", metadata: "" }),
  "DELETE /v1/customers/:id": async (world) =>
    world.stripe.customers.del((await another(world)).customer.id),
  "GET /v1/customers": ({ stripe }) =>
    stripe.customers.list({ ...list, email: "alice@acme.test", created: { gte: 1 } }),
  "GET /v1/customers/:id/payment_methods": async (world) => {
    await attached(world);
    return world.stripe.customers.listPaymentMethods(world.customer.id, { type: "card" });
  },
  "GET /v1/entitlements/active_entitlements": ({ stripe, customer }) =>
    stripe.entitlements.activeEntitlements.list({ customer: customer.id }),
  "GET /v1/events": ({ stripe }) =>
    stripe.events.list({ limit: 100, types: ["customer.*"], delivery_success: true }),
  "GET /v1/events/:id": async ({ stripe }) => {
    const { data } = await stripe.events.list({ limit: 1 });
    return stripe.events.retrieve(data[0]?.id ?? "");
  },
  "GET /v1/invoice_payments": ({ stripe, invoice }) =>
    stripe.invoicePayments.list({ invoice: invoice.id, expand: ["data.payment.payment_intent"] }),
  "GET /v1/invoice_payments/:id": async ({ stripe, invoice }) => {
    const { data } = await stripe.invoicePayments.list({ invoice: invoice.id });
    return stripe.invoicePayments.retrieve(data[0]?.id ?? "", { expand: ["invoice"] });
  },
  "GET /v1/invoices": ({ stripe, customer }) =>
    stripe.invoices.list({ customer: customer.id, status: "open", expand: ["data.payments"] }),
  "GET /v1/invoices/:id": ({ stripe, invoice }) =>
    stripe.invoices.retrieve(invoice.id, { expand: ["confirmation_secret", "payments"] }),
  "POST /v1/invoices/:id": ({ stripe, invoice }) =>
    stripe.invoices.update(invoice.id, { metadata: { seen: "yes" }, description: "First" }),
  "GET /v1/invoices/:id/lines": ({ stripe, invoice }) => stripe.invoices.listLineItems(invoice.id),
  "POST /v1/invoices/:id/finalize": async (world) =>
    world.stripe.invoices.finalizeInvoice(await draft(world), { auto_advance: false }),
  "POST /v1/invoices/:id/pay": async (world) => {
    const { invoice } = await another(world);
    return world.stripe.invoices.pay(invoice.id, { payment_method: "pm_card_visa" });
  },
  "POST /v1/invoices/:id/void": async (world) =>
    world.stripe.invoices.voidInvoice((await another(world)).invoice.id),
  "POST /v1/invoices/:id/mark_uncollectible": async (world) =>
    world.stripe.invoices.markUncollectible((await another(world)).invoice.id),
  "GET /v1/payment_intents/:id": ({ stripe, intent }) =>
    stripe.paymentIntents.retrieve(intent, { expand: ["customer"] }),
  "POST /v1/payment_intents/:id/confirm": async (world) => {
    const { intent } = await another(world);
    return world.stripe.paymentIntents.confirm(intent, { payment_method: "pm_card_visa" });
  },
  "GET /v1/payment_intents": ({ stripe, customer }) =>
    stripe.paymentIntents.list({ customer: customer.id }),
  "POST /v1/payment_methods": ({ stripe }) =>
    stripe.paymentMethods.create({
      type: "card",
      card: { number: "4242424242424242", exp_month: 1, exp_year: 2040, cvc: "123" },
    }),
  "GET /v1/payment_methods/:id": async (world) =>
    world.stripe.paymentMethods.retrieve((await attached(world)).id),
  "POST /v1/payment_methods/:id/attach": attached,
  "POST /v1/payment_methods/:id/detach": async (world) =>
    world.stripe.paymentMethods.detach((await attached(world)).id),
  "GET /v1/payment_methods": ({ stripe, customer }) =>
    stripe.paymentMethods.list({ customer: customer.id, type: "card" }),
  "POST /v1/prices": ({ stripe, product }) =>
    stripe.prices.create({
      ...monthly(product.id),
      lookup_key: "pro_month",
      nickname: "Pro",
      recurring: { interval: "month", interval_count: 3 },
    }),
  "GET /v1/prices/:id": ({ stripe, price }) =>
    stripe.prices.retrieve(price.id, { expand: ["product"] }),
  "POST /v1/prices/:id": ({ stripe, price }) =>
    stripe.prices.update(price.id, { metadata: { tier: "1" }, nickname: "Pro" }),
  "GET /v1/prices": ({ stripe, product }) =>
    stripe.prices.list({ product: product.id, active: true, type: "recurring" }),
  "POST /v1/products": ({ stripe }) =>
    stripe.products.create({ name: "Team", description: "For more", metadata: { a: "b" } }),
  "GET /v1/products/:id": ({ stripe, product }) => stripe.products.retrieve(product.id),
  "POST /v1/products/:id": ({ stripe, product }) =>
    stripe.products.update(product.id, { name: "Professional" }),
  "GET /v1/products": ({ stripe, product }) =>
    stripe.products.list({ active: true, ids: [product.id] }),
  "GET /v1/subscription_items": ({ stripe, subscription }) =>
    stripe.subscriptionItems.list({ subscription: subscription.id }),
  "GET /v1/subscription_items/:id": ({ stripe, subscription }) =>
    stripe.subscriptionItems.retrieve(subscription.items.data[0]?.id ?? ""),
  "POST /v1/subscriptions": ({ stripe, customer, price }) =>
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 3, metadata: { seat: "x" } }],
      trial_period_days: 14,
      description: "Trial",
      metadata: { tenant: "t" },
      payment_settings: { save_default_payment_method: "on_subscription" },
    }),
  "GET /v1/subscriptions/search": ({ stripe }) =>
    stripe.subscriptions.search({ query: "status:'incomplete'" }),
  "GET /v1/subscriptions/:id": ({ stripe, subscription }) =>
    stripe.subscriptions.retrieve(subscription.id, { expand: ["customer", "latest_invoice"] }),
  "POST /v1/subscriptions/:id": async (world) => {
    const { subscription } = await another(world);
    return world.stripe.subscriptions.update(subscription.id, {
      cancel_at_period_end: true,
      cancellation_details: { comment: "Enough", feedback: "too_complex" },
      metadata: { a: "b" },
    });
  },
  "DELETE /v1/subscriptions/:id": async (world) =>
    world.stripe.subscriptions.cancel((await another(world)).subscription.id, {
      cancellation_details: { feedback: "unused" },
    }),
  "GET /v1/subscriptions": ({ stripe, customer, price }) =>
    stripe.subscriptions.list({ customer: customer.id, price: price.id, status: "all" }),
  "POST /v1/webhook_endpoints": makeEndpoint,
  "GET /v1/webhook_endpoints/:id": async (world) =>
    world.stripe.webhookEndpoints.retrieve((await makeEndpoint(world)).id),
  "POST /v1/webhook_endpoints/:id": async (world) =>
    world.stripe.webhookEndpoints.update((await makeEndpoint(world)).id, { disabled: true }),
  "DELETE /v1/webhook_endpoints/:id": async (world) =>
    world.stripe.webhookEndpoints.del((await makeEndpoint(world)).id),
  ...THIN_CALLS,
  "GET /v1/webhook_endpoints": ({ stripe }) => stripe.webhookEndpoints.list(list),
};

function makeEndpoint({ stripe }: World): Promise<Stripe.WebhookEndpoint> {
  return stripe.webhookEndpoints.create({
    url: "https://example.com/hook",
    enabled_events: ["customer.created"],
  });
}
