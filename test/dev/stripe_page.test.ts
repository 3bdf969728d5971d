import { readdir, readFile } from "node:fs/promises";

import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { FAULT_KINDS } from "../../dev/stripe/faults.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { expect, test } from "../support/index.ts";
import { press } from "./stripe_hosted.ts";
import { makePrice, startEmulated, startReceiver } from "./stripe_support.ts";

type Overview = {
  now: number;
  customers: {
    id: string;
    name: string;
    subscriptions: { status: string; items: { product: string }[] }[];
    invoices: { intent: { id: string; charge: string | null } }[];
  }[];
  checkouts: object[];
  events: {
    type: string;
    object: string;
    deliveries: { attempts: object[]; next: number | null }[];
  }[];
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

test("its overview shows each attempt to deliver an event, and when the next is due", async () => {
  await using receiver = await startReceiver();
  receiver.state.status = 500;
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  await emulated.stripe.customers.create({ name: "Acme" });
  const see = async () =>
    (await (await fetch(`${emulated.url}/_emulator/overview`)).json()) as Overview;
  await emulated.control("advance", { seconds: 60 });
  const { now, events } = await see();
  expect(events).toMatchObject([{ deliveries: [{ state: "pending", next: expect.any(Number) }] }]);
  const [{ attempts, next } = { attempts: [], next: 0 }] = events[0]?.deliveries ?? [];
  expect(attempts.slice(0, 2)).toMatchObject([{ status: 500 }, { status: 500 }]);
  expect(next).toBeGreaterThanOrEqual(now);
  receiver.state.status = 200;
  await emulated.control("advance", { seconds: 120 });
  expect((await see()).events).toMatchObject([
    { deliveries: [{ state: "delivered", next: null }] },
  ]);
});

const FOLDER = new URL("../../dev/stripe/page/", import.meta.url);

/** What a person sends who presses a form's button without changing anything. */
function defaultsOf(html: string, form: string): URLSearchParams {
  const [, body = ""] = new RegExp(`<form id="${form}">(.*?)</form>`, "s").exec(html) ?? [];
  const inputs = [...body.matchAll(/<input\s[^>]*?name="(\w+)"[^>]*?>/gs)].map(
    ([input, name = ""]) => [name, /\bvalue="([^"]*)"/.exec(input)?.[1] ?? ""],
  );
  const selects = [...body.matchAll(/<select name="(\w+)">(.*?)<\/select>/gs)].map(
    ([, name = "", options = ""]) => [
      name,
      /<option(?: value="([^"]*)")?>([^<]*)/.exec(options)?.slice(1).find(Boolean) ?? "",
    ],
  );
  const fields = new URLSearchParams();
  for (const [name = "", value = ""] of [...inputs, ...selects]) {
    if (value !== "") fields.append(name, value);
  }
  return fields;
}

test("its forms offer all there is, and are taken as they stand", async () => {
  await using emulator = await startStripeEmulator({ port: 0 });
  const html = await (await fetch(emulator.url)).text();
  const send = async (form: string, path: string) => {
    const body = defaultsOf(html, form);
    const answer = await fetch(`${emulator.url}/_emulator/${path}`, { method: "POST", body });
    return { sent: [...body.keys()], answer: (await answer.json()) as Record<string, unknown> };
  };
  const chaos = await send("chaos", "chaos");
  expect([...chaos.sent, "seed"].toSorted()).toEqual(Object.keys(chaos.answer).toSorted());
  expect(chaos.answer).toMatchObject({ duplicate: 0.2, reorder: 0.2, drop: 0.1, same_second: 0 });
  const fault = await send("fault", "faults");
  expect(fault.answer).toEqual({
    kind: "500_after",
    method: "POST",
    path: "/v1/",
    nth: 1,
    ms: 0,
  });
  const kinds = [...html.matchAll(/<option value="(\w+)">/g)].map(([, kind]) => kind);
  expect(new Set(kinds)).toEqual(new Set(FAULT_KINDS));
});

test("whatever its buttons ask for is there", async () => {
  await using emulator = await startStripeEmulator({ port: 0 });
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".js"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, FOLDER), "utf8")));
  const called = texts
    .join("\n")
    .matchAll(/(?<!function )\b(?:control\(|stripe\("(POST|DELETE)", )["`]([^"`]+)/g);
  const paths = new Set(
    [...called].map(([, method, path = ""]) =>
      method === undefined ? `POST /_emulator/${path}` : `${method} /v1/${path}`,
    ),
  );
  expect(paths.size).toBeGreaterThan(12);
  for (const each of paths) {
    const [method = "", path = ""] = each.replaceAll(/\$\{[^}]+\}/g, "none_1").split(" ");
    const headers = { authorization: "Bearer sk_test_page" };
    const answer = await fetch(`${emulator.url}${path}`, { method, headers });
    expect(await answer.text(), each).not.toContain("Unrecognized request URL");
  }
});

test("a person at the page leads a subscription through debit, dispute and an outage", async () => {
  await using emulator = await startStripeEmulator({ port: 0 });
  const stripe = makeStripe({ secretKey: "sk_test_page", apiBase: new URL(emulator.url) });
  const act = async (path: string, body: Record<string, string> = {}) => {
    const answer = await fetch(`${emulator.url}/_emulator/${path}`, {
      method: "POST",
      body: new URLSearchParams(body),
    });
    expect(answer.status, path).toBe(200);
  };
  const see = async () =>
    (await (await fetch(`${emulator.url}/_emulator/overview`)).json()) as Overview;
  const price = await makePrice(stripe);
  const checkout = await stripe.checkout.sessions.create({
    mode: "subscription",
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: "https://shop.test/done",
  });
  const opened = await see();
  expect(opened.checkouts).toMatchObject([{ id: checkout.id, status: "open", amount: "$19.00" }]);
  await press(checkout.url, {
    step: "pay",
    email: "a@acme.test",
    card: "pm_usBankAccount_success",
  });
  const waiting = await see();
  expect(waiting.checkouts).toMatchObject([{ status: "complete", payment: "unpaid", url: null }]);
  const [customer] = waiting.customers;
  expect(customer?.invoices).toMatchObject([{ status: "open", intent: { status: "processing" } }]);
  await act(`payment_intents/${customer?.invoices[0]?.intent.id}/settle`);
  const paid = (await see()).customers[0];
  expect(paid?.subscriptions).toMatchObject([{ status: "active" }]);

  await stripe.billingPortal.sessions.create({
    customer: customer?.id ?? "",
    flow_data: { type: "payment_method_update" },
  });
  await act("settings", { on_dispute: "cancel" });
  await act("webhooks", { mode: "drop" });
  await act(`charges/${paid?.invoices[0]?.intent.charge}/early_fraud_warning`);
  await act(`charges/${paid?.invoices[0]?.intent.charge}/dispute`);
  expect(await see()).toMatchObject({
    mode: "drop",
    settings: { after_retries: "cancel", on_dispute: "cancel" },
    portals: [{ customer: customer?.id, flow: "payment_method_update" }],
    customers: [
      { subscriptions: [{ status: "canceled" }], invoices: [{ intent: { charge: null } }] },
    ],
  });
});
