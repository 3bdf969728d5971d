import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { Stripe } from "stripe";

import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import type { StripeEmulatorOptions } from "../../dev/stripe/emulator.ts";
import { idOf } from "../../dev/stripe/store.ts";
import { recorder } from "../support/stripe_contract/recording.ts";

/** The secret that the tests' emulators sign with. */
export const SECRET = "whsec_test";

/** An emulator on a free port, the real SDK pointed at it, and its control API. */
export async function startEmulated(options: Partial<StripeEmulatorOptions> = {}) {
  const emulator = await startStripeEmulator({ port: 0, observer: recorder, ...options });
  const { url } = emulator;
  const stripe = clientOf(url);
  return {
    url,
    stripe,
    close: () => emulator.close(),
    control: (path: string, body: object = {}) => control(url, path, body),
    [Symbol.asyncDispose]: () => emulator.close(),
  };
}
/** The real SDK pointed at an emulator. */
export function clientOf(url: string, key = "sk_test_x"): Stripe {
  return new Stripe(key, {
    host: "127.0.0.1",
    port: Number(new URL(url).port),
    protocol: "http",
    telemetry: false,
    maxNetworkRetries: 0,
  });
}

export type Emulated = Awaited<ReturnType<typeof startEmulated>>;

async function control(url: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}/_emulator/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** A product with a monthly price of 19.00 and the lookup key `pro_month`. */
export async function makePrice(stripe: Stripe): Promise<Stripe.Price> {
  const product = await stripe.products.create({ name: "Pro" });
  return stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1900,
    recurring: { interval: "month" },
    lookup_key: "pro_month",
  });
}

/** A customer with a subscription that waits for its first payment, and that payment's intent. */
export async function makeIncomplete(
  stripe: Stripe,
  more: Partial<Stripe.SubscriptionCreateParams> = {},
  given?: Stripe.Price,
) {
  const price = given ?? (await makePrice(stripe));
  const customer = await stripe.customers.create({ email: "alice@acme.test" });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    payment_behavior: "default_incomplete",
    payment_settings: { save_default_payment_method: "on_subscription" },
    expand: ["latest_invoice.confirmation_secret"],
    ...more,
  });
  return { price, customer, subscription, intent: intentOf(subscription) };
}

/** The intent behind a subscription's expanded latest invoice, read from its client secret. */
export function intentOf(subscription: Stripe.Subscription): string {
  const invoice = subscription.latest_invoice;
  if (invoice === null || typeof invoice === "string") throw new Error("not expanded");
  return invoice.confirmation_secret?.client_secret.split("_secret_")[0] ?? "";
}

/** A subscription whose first payment has been made with a good card. */
export async function makeActive(stripe: Stripe) {
  const made = await makeIncomplete(stripe);
  await stripe.paymentIntents.confirm(made.intent, { payment_method: "pm_card_visa" });
  return made;
}

/** A paid subscription of 19.00 a month, ten days in, and a price of 49.00 to move to. */
export async function makeChangeable(emulated: Emulated, days = 10) {
  const { stripe } = emulated;
  const made = await makeActive(stripe);
  const product = idOf(made.price.product);
  const priced = (unit_amount: number, interval: "month" | "year") =>
    stripe.prices.create({ product, currency: "usd", unit_amount, recurring: { interval } });
  const [item] = (await stripe.subscriptions.retrieve(made.subscription.id)).items.data;
  if (item === undefined) throw new Error("no item");
  if (days > 0) await emulated.control("advance", { seconds: days * 86_400 });
  const at = item.current_period_start + days * 86_400;
  const left =
    (item.current_period_end - at) / (item.current_period_end - item.current_period_start);
  return {
    ...made,
    item,
    at,
    left,
    larger: await priced(4900, "month"),
    yearly: await priced(19_000, "year"),
  };
}

/** All events so far, oldest first. */
export async function allEvents(stripe: Stripe): Promise<Stripe.Event[]> {
  const events = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 1000 });
  return events.toReversed();
}

/** A webhook receiver that keeps the verified events it gets and answers with `status`. */
export async function startReceiver() {
  const received: Stripe.Event[] = [];
  const state = { status: 200, refused: 0 };
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const signature = request.headers["stripe-signature"] ?? "";
      const event = Stripe.webhooks.constructEvent(Buffer.concat(chunks), signature, SECRET);
      if (state.status === 200) received.push(event);
      else state.refused += 1;
      response.writeHead(state.status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    received,
    state,
    webhook: { url: `http://127.0.0.1:${portOf(server)}/hook`, secret: SECRET },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function portOf(server: http.Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}

/** Advances a test clock and waits until it is there. */
export async function advanceTo(stripe: Stripe, clock: string, time: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  await stripe.testHelpers.testClocks.advance(clock, { frozen_time: time });
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- asked until it says so.
    const { status } = await stripe.testHelpers.testClocks.retrieve(clock);
    if (status === "ready") return;
    if (Date.now() > deadline) throw new Error(`the clock is ${status}`);
  }
}

/** A customer whose invoices are charged to a card. */
export async function makeCardholder(
  stripe: Stripe,
  method = "pm_card_visa",
  more: Stripe.CustomerCreateParams = {},
): Promise<Stripe.Customer> {
  const customer = await stripe.customers.create({ ...more, payment_method: method });
  const [card] = (await stripe.customers.listPaymentMethods(customer.id)).data;
  return stripe.customers.update(customer.id, {
    invoice_settings: { default_payment_method: card?.id ?? "" },
  });
}
