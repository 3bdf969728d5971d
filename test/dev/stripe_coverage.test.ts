/** dev/stripe/COVERAGE.md is made here: `npx vitest run test/dev/stripe_coverage.test.ts -u`. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { format } from "prettier";
import { expect, inject, test } from "vitest";

import { ROUTES } from "../../dev/stripe/routes.ts";
import { openContract } from "../support/stripe_contract/contract.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const contract = openContract(inject("stripeContract").schemas);
const endpoints = ROUTES.map(({ method, path }) => `${method} ${path}`);

/** What the SDK's methods that Rowhouse uses call. */
const METHODS: Record<string, string> = {
  "billingPortal.sessions.create": "POST /v1/billing_portal/sessions",
  "charges.retrieve": "GET /v1/charges/:id",
  "checkout.sessions.create": "POST /v1/checkout/sessions",
  "checkout.sessions.expire": "POST /v1/checkout/sessions/:id/expire",
  "checkout.sessions.list": "GET /v1/checkout/sessions",
  "checkout.sessions.retrieve": "GET /v1/checkout/sessions/:id",
  "customers.create": "POST /v1/customers",
  "customers.del": "DELETE /v1/customers/:id",
  "customers.list": "GET /v1/customers",
  "customers.retrieve": "GET /v1/customers/:id",
  "customers.search": "GET /v1/customers/search",
  "disputes.retrieve": "GET /v1/disputes/:id",
  "entitlements.activeEntitlements.list": "GET /v1/entitlements/active_entitlements",
  "events.list": "GET /v1/events",
  "events.retrieve": "GET /v1/events/:id",
  "invoices.createPreview": "POST /v1/invoices/create_preview",
  "invoices.list": "GET /v1/invoices",
  "invoices.retrieve": "GET /v1/invoices/:id",
  "invoices.voidInvoice": "POST /v1/invoices/:id/void",
  "paymentIntents.retrieve": "GET /v1/payment_intents/:id",
  "paymentMethods.retrieve": "GET /v1/payment_methods/:id",
  "prices.create": "POST /v1/prices",
  "prices.list": "GET /v1/prices",
  "prices.retrieve": "GET /v1/prices/:id",
  "products.create": "POST /v1/products",
  "products.list": "GET /v1/products",
  "refunds.retrieve": "GET /v1/refunds/:id",
  "setupIntents.retrieve": "GET /v1/setup_intents/:id",
  "subscriptionItems.list": "GET /v1/subscription_items",
  "subscriptions.cancel": "DELETE /v1/subscriptions/:id",
  "subscriptions.create": "POST /v1/subscriptions",
  "subscriptions.list": "GET /v1/subscriptions",
  "subscriptions.resume": "POST /v1/subscriptions/:id/resume",
  "subscriptions.retrieve": "GET /v1/subscriptions/:id",
  "subscriptions.update": "POST /v1/subscriptions/:id",
  "v2.core.eventDestinations.list": "GET /v2/core/event_destinations",
  "webhookEndpoints.list": "GET /v1/webhook_endpoints",
};

/** What there is reason to listen to: all that may change what a customer has bought, or owes. */
const WORTH_HEARING = [
  ...under("customer.subscription", "created updated deleted paused resumed trial_will_end"),
  ...under("customer.subscription", "pending_update_applied pending_update_expired"),
  ...under("invoice", "paid payment_failed payment_action_required payment_attempt_required"),
  ...under("invoice", "finalized finalization_failed voided marked_uncollectible overdue updated"),
  ...under("invoice", "upcoming"),
  ...under("checkout.session", "completed async_payment_succeeded async_payment_failed expired"),
  ...under("customer", "updated deleted"),
  ...under("subscription_schedule", "updated released canceled completed aborted"),
  "entitlements.active_entitlement_summary.updated",
  ...under("payment_method", "attached detached automatically_updated"),
  "setup_intent.succeeded",
  ...under("charge.dispute", "created updated closed funds_withdrawn funds_reinstated"),
  ...under("", "charge.refunded refund.failed radar.early_fraud_warning.created"),
  ...under("product", "created updated deleted"),
  ...under("price", "created updated deleted"),
  ...under("coupon", "created updated deleted"),
  ...under("promotion_code", "created updated"),
];

function under(prefix: string, names: string): string[] {
  return names.split(" ").map((name) => (prefix === "" ? name : `${prefix}.${name}`));
}

/** The code in some folders, together. */
async function sources(...folders: string[]): Promise<string> {
  const files = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(`${ROOT}${folder}`, { recursive: true });
      return names.filter((name) => name.endsWith(".ts")).map((name) => `${folder}/${name}`);
    }),
  );
  const texts = await Promise.all(files.flat().map((file) => readFile(`${ROOT}${file}`, "utf8")));
  return texts.join("\n");
}

async function methodsUsed(): Promise<string[]> {
  const calls = (await sources("tasks", "cli", "server")).matchAll(
    /\bstripe\s*\.((?:\s*\w+\s*\.)+\s*\w+)\(/g,
  );
  const methods = [...calls].map(([, path = ""]) => path.replaceAll(/\s/g, ""));
  return [...new Set(methods)].filter((method) => !/^(webhooks|errors)\./.test(method)).toSorted();
}

/** Every event whose name is in the emulator's code. */
async function eventsSent(): Promise<Set<string>> {
  const words = (await sources("dev/stripe")).matchAll(/"([a-z_]+(?:\.[a-z_]+)+)"/g);
  return new Set(
    [...words].map(([, word = ""]) => word).filter((word) => contract.eventTypes.has(word)),
  );
}

/** Which events the inbox acts on, by its own table. */
async function actsOn(): Promise<Set<string>> {
  const sql = await readFile(`${ROOT}db/50_billing/event_routes.sql`, "utf8");
  return new Set([...sql.matchAll(/\('([a-z_.]+)', '[a-z]+', /g)].map(([, type = ""]) => type));
}

test("the emulator has every endpoint that Rowhouse calls", async () => {
  expect(await methodsUsed()).toEqual(Object.keys(METHODS).toSorted());
  const called = Object.values(METHODS);
  expect(called.filter((endpoint) => !endpoints.includes(endpoint))).toEqual([]);
});

test("COVERAGE.md says what the emulator has, calls and sends", async () => {
  const used = [...new Set(Object.values(METHODS))];
  const sent = await eventsSent();
  const acted = await actsOn();
  const yes = (is: boolean) => (is ? "yes" : "");
  const events = [...new Set([...sent, ...WORTH_HEARING])].toSorted();
  const heard = WORTH_HEARING.filter((type) => sent.has(type));
  expect(WORTH_HEARING.filter((type) => !contract.eventTypes.has(type))).toEqual([]);
  const text = `
# What the Stripe emulator covers

Made by \`npx vitest run test/dev/stripe_coverage.test.ts -u\`; a test fails when it is out of date.

## Endpoints

${endpoints.length} of the ${contract.endpoints.size} that the SDK has, among them all ${used.length}
that Rowhouse calls.

| endpoint | Rowhouse calls it |
| --- | --- |
${endpoints.map((each) => `| ${each} | ${yes(used.includes(each))} |`).join("\n")}

## Events

${sent.size} of the ${contract.eventTypes.size} types that the SDK has. Of the ${WORTH_HEARING.length}
that are worth listening to for billing, the emulator sends ${heard.length}.

| event | sent | worth listening to | Rowhouse acts on it |
| --- | --- | --- | --- |
${events
  .map((type) => [
    type,
    yes(sent.has(type)),
    yes(WORTH_HEARING.includes(type)),
    yes(acted.has(type)),
  ])
  .map((row) => `| ${row.join(" | ")} |`)
  .join("\n")}
`;
  const formatted = await format(text, { parser: "markdown" });
  await expect(formatted).toMatchFileSnapshot("../../dev/stripe/COVERAGE.md");
});
