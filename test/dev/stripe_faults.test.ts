import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { allEvents, makeActive, startEmulated, startReceiver } from "./stripe_support.ts";

async function makeFolder() {
  const path = await mkdtemp(join(tmpdir(), "stripe-emulator-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const onCustomers = { method: "POST", path: "/v1/customers" };

test("each planned fault strikes the nth matching call, once", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const create = () => stripe.customers.create({ name: "Acme" });
  await control("faults", { ...onCustomers, kind: "429_lock_timeout", nth: 2 });
  await create();
  await stripe.products.create({ name: "Pro" });
  await stripe.customers.list();
  await expect(create()).rejects.toMatchObject({ statusCode: 429, code: "lock_timeout" });
  await create();
  await control("faults", { ...onCustomers, kind: "409" });
  await expect(create()).rejects.toMatchObject({ code: "idempotency_key_in_use" });
  await control("faults", { ...onCustomers, kind: "500_before" });
  await expect(create()).rejects.toMatchObject({ statusCode: 500 });
  expect((await stripe.customers.list()).data).toHaveLength(2);
});

test("a conflict says that it will be over soon, and a rate limit does not", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const kinds = { "409": "true", "429_lock_timeout": "true", "429": undefined };
  for (const [kind, retry] of Object.entries(kinds)) {
    await control("faults", { ...onCustomers, kind });
    await expect(stripe.customers.create({ name: "Acme" })).rejects.toSatisfy(
      (error: Stripe.errors.StripeError) => error.headers?.["stripe-should-retry"] === retry,
    );
  }
});

test("a declined card does no work, and stays declined under its key", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await control("faults", { ...onCustomers, kind: "402" });
  const create = (idempotencyKey: string) =>
    stripe.customers.create({ name: "Acme" }, { idempotencyKey });
  const declined = { type: "StripeCardError", statusCode: 402, code: "card_declined" };
  await expect(create("k1")).rejects.toMatchObject(declined);
  await expect(create("k1")).rejects.toMatchObject(declined);
  expect((await stripe.customers.list()).data).toEqual([]);
  await create("k2");
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("a 500 after the work keeps the work, and the 500 under its key", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await control("faults", { ...onCustomers, kind: "500_after" });
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  await expect(create()).rejects.toMatchObject({ statusCode: 500 });
  await expect(create()).rejects.toMatchObject({ statusCode: 500 });
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("a connection cut after the work is mended by the same key", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  // The SDK itself tries once more after a reset, with the same key.
  await control("faults", { ...onCustomers, kind: "reset_after" });
  const customer = await create();
  expect(customer.lastResponse.headers["idempotent-replayed"]).toBe("true");
  expect((await stripe.customers.list()).data).toMatchObject([{ id: customer.id }]);
});

test("the state, the clock and undelivered events survive a restart", async () => {
  await using folder = await makeFolder();
  const stateFile = join(folder.path, "state.json");
  await using receiver = await startReceiver();
  const before = await startEmulated({ stateFile, webhook: receiver.webhook });
  await before.control("webhooks", { mode: "hold" });
  const { subscription } = await makeActive(before.stripe);
  await before.control("advance", { seconds: 3600 });
  const customer = await before.stripe.customers.create({ name: "A" }, { idempotencyKey: "k1" });
  const events = await allEvents(before.stripe);
  await before.close();
  expect(await readdir(folder.path)).toEqual(["state.json"]);

  await using after = await startEmulated({ stateFile, webhook: receiver.webhook });
  const { stripe } = after;
  expect(JSON.stringify(await allEvents(stripe))).toContain(events.at(-1)?.id);
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
  const again = await stripe.customers.create({ name: "A" }, { idempotencyKey: "k1" });
  expect(again.id).toBe(customer.id);
  const next = await stripe.products.create({ name: "Later" });
  expect(next.created).toBeGreaterThanOrEqual(customer.created);
  expect(await after.control("settle")).toMatchObject({ settled: true });
  expect(receiver.received).toHaveLength(events.length + 1);
});

test("the state is on disk soon after a call, without a close", async () => {
  await using folder = await makeFolder();
  const stateFile = join(folder.path, "state.json");
  await using running = await startEmulated({ stateFile });
  const { id } = await running.stripe.customers.create({ name: "Acme" });
  await expect.poll(() => readdir(folder.path)).toContain("state.json");
  await using other = await startEmulated({ stateFile });
  expect(await other.stripe.customers.retrieve(id)).toMatchObject({ name: "Acme" });
});

test("a reset forgets everything but where events go", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  await emulated.stripe.customers.create({ name: "Acme" });
  await emulated.control("reset");
  expect((await emulated.stripe.customers.list()).data).toEqual([]);
  const { data } = await emulated.stripe.webhookEndpoints.list();
  expect(data).toMatchObject([{ url: receiver.webhook.url }]);
});
