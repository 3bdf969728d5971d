import { Stripe } from "stripe";
import { expect, test } from "vitest";

import { clientOf, startEmulated } from "./stripe_support.ts";

const { StripeAuthenticationError, StripePermissionError } = Stripe.errors;

test("a restricted key may do what it was given, and the rest is refused and not done", async () => {
  await using emulated = await startEmulated();
  const key = "rk_test_reader";
  const may = ["GET /v1/customers", "GET /v1/products"];
  await emulated.control("keys", { key, may });
  const { id } = await emulated.stripe.customers.create({ name: "Acme" });
  const reader = clientOf(emulated.url, key);
  expect(await reader.customers.retrieve(id)).toMatchObject({ name: "Acme" });
  const create = () => reader.customers.create({ name: "Globex" }, { idempotencyKey: "k1" });
  await expect(create()).rejects.toThrow(StripePermissionError);
  await expect(reader.prices.list()).rejects.toMatchObject({ statusCode: 403 });
  expect((await emulated.stripe.customers.list()).data).toHaveLength(1);

  await emulated.control("keys", { key, may: [...may, "POST /v1/customers"] });
  expect((await create()).lastResponse.headers).not.toHaveProperty("idempotent-replayed");
});

test("an expired key is refused, and no other", async () => {
  await using emulated = await startEmulated();
  const key = "sk_test_rolled";
  const rolled = clientOf(emulated.url, key);
  await rolled.customers.list();
  await emulated.control("keys", { key, expired: true });
  await expect(rolled.customers.list()).rejects.toThrow(StripeAuthenticationError);
  await emulated.stripe.customers.list();
  await emulated.control("reset");
  await rolled.customers.list();
  await expect(emulated.control("keys", { key: "sk_live_x" })).rejects.toThrow("rk_test_");
});
