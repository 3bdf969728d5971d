/** What several scenarios begin with. */
import type { Stripe } from "stripe";

import { intentOf } from "../stripe_support.ts";
import type { Bench, BenchClock } from "./bench.ts";

export const HOUR = 3_600;
export const DAY = 24 * HOUR;

/** Prices of a product of their own, each so much a month. */
export async function makePrices(bench: Bench, ...amounts: number[]): Promise<Stripe.Price[]> {
  const { stripe } = bench;
  const product = await stripe.products.create({ name: bench.unique("Rowhouse") });
  // Prices cannot be deleted, and so nor can their product.
  bench.afterwards(() => stripe.products.update(product.id, { active: false }));
  return Promise.all(
    amounts.map((unit_amount) =>
      stripe.prices.create({
        product: product.id,
        currency: "usd",
        unit_amount,
        recurring: { interval: "month" },
      }),
    ),
  );
}

/** A price of 19.00 a month. */
export async function makeMonthly(bench: Bench): Promise<string> {
  const [price] = await makePrices(bench, 1900);
  return price?.id ?? "";
}

/** A customer without a card, who is gone afterwards. */
export async function makeCustomer(
  bench: Bench,
  more: Stripe.CustomerCreateParams = {},
): Promise<Stripe.Customer> {
  const customer = await bench.stripe.customers.create({ name: bench.unique("Acme"), ...more });
  bench.afterwards(() => bench.stripe.customers.del(customer.id));
  return customer;
}

/** A customer on a clock, whose invoices are charged to this card. */
export function makePayer(
  { stripe, unique }: Bench,
  clock: BenchClock,
  method = "pm_card_visa",
): Promise<Stripe.Customer> {
  return stripe.customers.create({
    name: unique("Acme"),
    test_clock: clock.id,
    payment_method: method,
    invoice_settings: { default_payment_method: method },
  });
}

/** A subscription that waits for its first payment, with the intent of that. */
export async function begin({ stripe }: Bench, customer: string, price: string) {
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price }],
    payment_behavior: "default_incomplete",
    payment_settings: { save_default_payment_method: "on_subscription" },
    expand: ["latest_invoice.confirmation_secret"],
  });
  return { id: subscription.id, subscription, intent: intentOf(subscription) };
}

/** Confirms an intent with a test card, as a page of the shop's would. */
export function payWith({ stripe }: Bench, intent: string, method: string) {
  const return_url = "https://example.com/return";
  return stripe.paymentIntents.confirm(intent, { payment_method: method, return_url });
}

/** The subscription, once it has this status. */
export function whenStatus(
  { stripe, eventually }: Bench,
  id: string,
  ...wanted: string[]
): Promise<Stripe.Subscription> {
  return eventually(`${id} to be ${wanted.join(" or ")}`, async () => {
    const subscription = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] });
    return wanted.includes(subscription.status) ? subscription : undefined;
  });
}

/** The types of events so far that speak of an object, once all of `wanted` are among them. */
export function whenHeard(bench: Bench, about: string, wanted: string[]): Promise<string[]> {
  return bench.eventually(`${about} to have the events ${wanted.join(", ")}`, async () => {
    const pages = bench.stripe.events.list({ types: wanted, limit: 100 });
    const events = await pages.autoPagingToArray({ limit: 300 });
    const told = events.filter((event) => JSON.stringify(event.data.object).includes(about));
    const types = [...new Set(told.map((event): string => event.type))].toSorted();
    return types.length === wanted.length ? types : undefined;
  });
}

/** The only item of a subscription. */
export function itemOf(subscription: Stripe.Subscription): Stripe.SubscriptionItem {
  const [item] = subscription.items.data;
  if (item === undefined) throw new Error(`${subscription.id} has no item`);
  return item;
}

/** The latest invoice, where it was expanded. */
export function invoiceOf({ id, latest_invoice: invoice }: Stripe.Subscription): Stripe.Invoice {
  if (invoice === null || typeof invoice === "string") throw new Error(`${id} is not expanded`);
  return invoice;
}
