import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { expect, test } from "../support/index.ts";

type Overview = {
  customers: { name: string; subscriptions: { status: string; items: { product: string }[] }[] }[];
  events: { type: string; object: string; deliveries: unknown[] }[];
  mode: string;
  chaos: { seed: number; drop: number };
  rateLimits: string;
};

test("the root is a page that loads nothing from elsewhere", async () => {
  await using emulator = await startStripeEmulator({ port: 0 });
  const page = await fetch(emulator.url);
  const html = await page.text();
  expect(page.headers.get("content-type")).toMatch("text/html");
  expect(page.headers.get("content-security-policy")).toMatch("default-src 'self'");

  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
  expect(files).toHaveLength(2);
  for (const file of files) {
    const { status } = await fetch(new URL(file, emulator.url));
    expect(status, file).toBe(200);
  }
});

test("its overview shows what the account holds", async () => {
  await using emulator = await startStripeEmulator({ port: 0 });
  const stripe = makeStripe({ secretKey: "sk_test_page", apiBase: new URL(emulator.url) });
  const product = await stripe.products.create({ name: "Pro" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "eur",
    unit_amount: 4900,
    recurring: { interval: "month" },
  });
  const customer = await stripe.customers.create({ name: "<b>Acme</b>" });
  await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    payment_behavior: "default_incomplete",
  });

  const answer = await fetch(`${emulator.url}/_emulator/overview`);
  const { customers, events, mode, chaos, rateLimits } = (await answer.json()) as Overview;
  expect(mode).toBe("deliver");
  expect(chaos).toMatchObject({ seed: expect.any(Number), drop: 0 });
  expect(rateLimits).toBe("off");
  expect(customers).toMatchObject([
    {
      name: "<b>Acme</b>",
      subscriptions: [{ status: "incomplete", items: [{ product: "Pro" }] }],
      invoices: [{ status: "open", amount: 4900, intent: { status: "requires_payment_method" } }],
    },
  ]);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "customer.created", object: customer.id, deliveries: [] }),
  );
});
