import fc from "fast-check";
import { expect, test } from "vitest";

import { makeActive, startEmulated } from "./stripe_support.ts";

const names = ["customer", "items", "items[0][price]", "items[0]", "metadata", "metadata[a]"];
const more = ["limit", "created", "created[gte]", "expand[]", "expand", "card", "query", "status"];
const values = ["", "x", "-1", "1e99", "true", "[]", "pm_card_visa", "__proto__", "latest_invoice"];

test("no request, however wrong, makes the emulator answer 500", async () => {
  await using emulated = await startEmulated();
  const { customer, intent, subscription } = await makeActive(emulated.stripe);
  const paths = [
    "customers",
    `customers/${customer.id}`,
    "customers/search",
    "products",
    "prices",
    "subscriptions",
    `subscriptions/${subscription.id}`,
    "payment_methods",
    `payment_intents/${intent}/confirm`,
    "events",
    "invoices",
    "webhook_endpoints",
  ];
  const pair = fc.tuple(fc.constantFrom(...names, ...more), fc.constantFrom(...values));
  const call = fc.record({
    method: fc.constantFrom("GET", "POST"),
    path: fc.constantFrom(...paths),
    form: fc.array(pair, { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(call, async ({ method, path, form }) => {
      const body = new URLSearchParams(form);
      const url = `${emulated.url}/v1/${path}`;
      const headers = { Authorization: "Bearer sk_test_x" };
      const response =
        method === "GET"
          ? await fetch(`${url}?${body.toString()}`, { headers })
          : await fetch(url, { method: "POST", headers, body });
      expect(response.status).toBeLessThan(500);
      const field = response.ok ? "object" : "error.message";
      expect(await response.json()).toHaveProperty(field);
    }),
    { numRuns: 150 },
  );
});
