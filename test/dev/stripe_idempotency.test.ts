import { expect, test } from "vitest";

import { makeIncomplete, startEmulated } from "./stripe_support.ts";

test("a key used again gives the first answer again and does nothing", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  const first = await create();
  const second = await create();
  expect(second).toEqual(first);
  expect(first.lastResponse.headers["idempotent-replayed"]).toBeUndefined();
  expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("a key used with other parameters, or elsewhere, is an idempotency error", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const options = { idempotencyKey: "k1" };
  await stripe.customers.create({ name: "Acme" }, options);
  const error = { statusCode: 400, rawType: "idempotency_error" };
  const other = stripe.customers.create({ name: "Other" }, options);
  await expect(other).rejects.toMatchObject(error);
  const elsewhere = stripe.products.create({ name: "Acme" }, options);
  await expect(elsewhere).rejects.toMatchObject(error);
});

test("a declined card is declined again under its key, and a new key may try again", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { intent } = await makeIncomplete(stripe);
  const bad = { payment_method: "pm_card_chargeDeclined" };
  const confirm = () => stripe.paymentIntents.confirm(intent, bad, { idempotencyKey: "k1" });
  await expect(confirm()).rejects.toMatchObject({ code: "card_declined" });
  await expect(confirm()).rejects.toMatchObject({
    code: "card_declined",
    headers: { "idempotent-replayed": "true" },
  });
  const failures = await stripe.events.list({ type: "payment_intent.payment_failed" });
  expect(failures.data).toHaveLength(1);
  const good = { payment_method: "pm_card_visa" };
  const paid = await stripe.paymentIntents.confirm(intent, good, { idempotencyKey: "k2" });
  expect(paid.status).toBe("succeeded");
});

test("a key in use answers 409, and the first request's answer once that is done", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await control("faults", { kind: "slow", ms: 300, method: "POST", path: "/v1/customers" });
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  const slow = create();
  await expect
    .poll(() => create().catch((error: unknown) => error), { interval: 10 })
    .toMatchObject({ statusCode: 409, code: "idempotency_key_in_use" });
  expect((await create().catch(() => slow)).id).toBe((await slow).id);
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("a refused parameter, a missing object and a 429 leave the key free", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const options = { idempotencyKey: "k1" };
  const price = { currency: "usd", unit_amount: 1 };
  const missing = stripe.prices.create({ ...price, product: "prod_no" }, options);
  await expect(missing).rejects.toMatchObject({ code: "resource_missing" });
  await control("faults", { kind: "429" });
  const create = () => stripe.products.create({ name: "Pro" }, options);
  await expect(create()).rejects.toMatchObject({ statusCode: 429, code: "rate_limit" });
  expect((await create()).name).toBe("Pro");
});

test("a key is forgotten after a day", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  const first = await create();
  await control("advance", { seconds: 23 * 3600 });
  expect((await create()).id).toBe(first.id);
  await control("advance", { seconds: 2 * 3600 });
  expect((await create()).id).not.toBe(first.id);
});
