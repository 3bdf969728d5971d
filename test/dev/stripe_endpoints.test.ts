import { Stripe } from "stripe";
import { describe, expect, test } from "vitest";

import type { Exchange } from "../../dev/stripe/observer.ts";
import { ROUTES } from "../../dev/stripe/routes.ts";
import { recorder } from "../support/stripe_contract/recording.ts";
import { CALLS, makeWorld } from "./stripe_calls.ts";
import { startEmulated, type Emulated } from "./stripe_support.ts";

const names = ROUTES.map(({ method, path }) => `${method} ${path}`);

test("every endpoint of the emulator is called by the SDK in these tests", () => {
  expect(Object.keys(CALLS).toSorted()).toEqual(names.toSorted());
});

test("the SDK calls every endpoint of the emulator and gets what it declares", async () => {
  const answered: Exchange[] = [];
  const observer = {
    ...recorder,
    answered(exchange: Exchange) {
      answered.push(exchange);
      recorder.answered(exchange);
    },
  };
  await using emulated = await startEmulated({ observer });
  const world = await makeWorld(emulated);
  for (const [name, call] of Object.entries(CALLS)) {
    answered.length = 0;
    await call(world);
    // What the call needed before comes before it.
    const last = answered.at(-1);
    expect([`${last?.route.method} ${last?.route.path}`, last?.status]).toEqual([name, 200]);
  }
});

test("more objects than fit on a page come one by one, each once, as they were made", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const made = Array.from({ length: 130 }, (_, index) => `n${index}`);
  for (const name of made) await stripe.customers.create({ name });

  const found: (string | null | undefined)[] = [];
  for await (const { name } of stripe.customers.list({ limit: 100 })) found.push(name);
  expect(found).toEqual(made.toReversed());

  const upwards: (string | null | undefined)[] = [];
  const oldest = (
    await stripe.customers.list({ limit: 100 }).autoPagingToArray({ limit: 1000 })
  ).at(-1);
  const before = { limit: 50, ending_before: oldest?.id ?? "" };
  for await (const { name } of stripe.customers.list(before)) upwards.push(name);
  expect(upwards).toEqual(made.slice(1));

  const searched = stripe.customers.search({ query: "created>0", limit: 40 });
  expect(await searched.autoPagingToArray({ limit: 1000 })).toHaveLength(made.length);
});

describe.concurrent("a call that fails once is made again by the SDK under the same key", () => {
  const kinds = ["409", "429_lock_timeout", "500_before", "reset_after"] as const;
  test.each(kinds)("after %s", async (kind) => {
    await using retried = await startRetried();
    await retried.control("faults", { kind, method: "POST", path: "/v1/customers" });
    const { id } = await retried.sdk.customers.create({ name: "Acme" });
    expect(retried.keys).toHaveLength(2);
    expect(new Set(retried.keys).size).toBe(1);
    const { data } = await retried.stripe.customers.list();
    expect(data.map((customer) => customer.id)).toEqual([id]);
  });

  test("and gives up on a 500 that is kept under the key, with the work done once", async () => {
    await using retried = await startRetried();
    await retried.control("faults", { kind: "500_after", method: "POST", path: "/v1/customers" });
    await expect(retried.sdk.customers.create({ name: "Acme" })).rejects.toMatchObject({
      statusCode: 500,
    });
    expect(new Set(retried.keys).size).toBe(1);
    expect(retried.keys).toHaveLength(3);
    expect((await retried.stripe.customers.list()).data).toHaveLength(1);
  });

  test("but a plain 429 is left to the caller", async () => {
    await using retried = await startRetried();
    await retried.control("faults", { kind: "429", method: "POST", path: "/v1/customers" });
    await expect(retried.sdk.customers.create({ name: "Acme" })).rejects.toMatchObject({
      statusCode: 429,
      code: "rate_limit",
    });
    expect(retried.keys).toHaveLength(1);
  });
});

/** An emulator with an SDK that retries as it does by default, and the keys that it sent. */
async function startRetried(): Promise<Emulated & { sdk: Stripe; keys: string[] }> {
  const emulated = await startEmulated();
  const { port } = new URL(emulated.url);
  const keys: string[] = [];
  const client = Stripe.createNodeHttpClient();
  const send = client.makeRequest.bind(client);
  client.makeRequest = (...args) => {
    const [, , , method, headers] = args;
    if (method === "POST")
      keys.push(String((headers as Record<string, string>)["Idempotency-Key"]));
    return send(...args);
  };
  const sdk = new Stripe("sk_test_x", {
    host: "127.0.0.1",
    port,
    protocol: "http",
    telemetry: false,
    maxNetworkRetries: 2,
    httpClient: client,
  });
  return { ...emulated, sdk, keys };
}
