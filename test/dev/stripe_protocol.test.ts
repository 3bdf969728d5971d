import { Stripe } from "stripe";
import { expect, test } from "vitest";

import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { idOf } from "../../dev/stripe/store.ts";
import { makeActive, makePrice, startEmulated } from "./stripe_support.ts";

const form = { "Content-Type": "application/x-www-form-urlencoded" };
const bearer = { ...form, Authorization: "Bearer sk_test_x" };

function refused(code: string, param: string): unknown {
  return [400, { error: expect.objectContaining({ code, param }) }];
}

test("a call without a key, or with a live one, is refused", async () => {
  await using emulated = await startEmulated();
  const url = `${emulated.url}/v1/customers`;
  const live = { Authorization: "Bearer sk_live_x" };
  const strangers = [{}, live, { Authorization: "Bearer pk_test_x" }];
  const refusals = await Promise.all(strangers.map((headers) => fetch(url, { headers })));
  expect(refusals.map(({ status }) => status)).toEqual([401, 401, 401]);
  expect(await refusals[1]?.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  const basic = `Basic ${Buffer.from("rk_test_y:").toString("base64")}`;
  expect((await fetch(url, { headers: { Authorization: basic } })).status).toBe(200);
});

test("every answer carries a request id and the API version", async () => {
  await using emulated = await startEmulated();
  const { headers } = await fetch(`${emulated.url}/v1/customers`, { headers: bearer });
  expect(headers.get("Request-Id")).toMatch(/^req_\w{14}$/);
  expect(headers.get("Stripe-Version")).toBe(Stripe.API_VERSION);
});

test("an unknown endpoint says that the emulator lacks it", async () => {
  await using emulated = await startEmulated();
  await expect(emulated.stripe.payouts.list()).rejects.toMatchObject({
    statusCode: 404,
    message: expect.stringContaining("emulator lacks this endpoint"),
  });
});

test("unknown, missing and malformed parameters are refused by name", async () => {
  await using emulated = await startEmulated();
  const post = async (path: string, body: string) => {
    const options = { method: "POST", headers: bearer, body };
    const response = await fetch(`${emulated.url}/v1/${path}`, options);
    return [response.status, await response.json()];
  };
  expect(await post("customers", "emial=a")).toEqual(refused("parameter_unknown", "emial"));
  expect(await post("customers", "constructor=a")).toEqual(
    refused("parameter_unknown", "constructor"),
  );
  expect(await post("subscriptions", "items[0][price]=p")).toEqual(
    refused("parameter_missing", "customer"),
  );
  expect(await post("subscriptions", "customer=c&items[0][prize]=p")).toEqual(
    refused("parameter_unknown", "items[0][prize]"),
  );
  expect(await post("prices", "currency=usd&unit_amount=1.5")).toEqual(
    refused("parameter_invalid_integer", "unit_amount"),
  );
});

test("removed parameters and fields of older API versions are gone", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription } = await makeActive(stripe);
  const now = await stripe.subscriptions.retrieve(subscription.id, { expand: ["latest_invoice"] });
  expect(now).not.toHaveProperty("current_period_end");
  expect(now.items.data[0]).toHaveProperty("current_period_end");
  expect(now.latest_invoice).not.toHaveProperty("payment_intent");
  expect(now.latest_invoice).not.toHaveProperty("subscription");
  expect(now.latest_invoice).not.toHaveProperty("payments");
  const old = stripe.subscriptions.retrieve(subscription.id, {
    expand: ["latest_invoice.payment_intent"],
  });
  await expect(old).rejects.toMatchObject({ statusCode: 400 });
});

test("what cannot be expanded is refused before anything is done", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const create = stripe.customers.create({ name: "Acme", expand: ["nothing"] });
  await expect(create).rejects.toMatchObject({
    statusCode: 400,
    message: "This property cannot be expanded (nothing).",
  });
  // As form encoding writes an empty list.
  const empty = stripe.rawRequest("GET", "/v1/customers?expand=");
  await expect(empty).rejects.toMatchObject({ statusCode: 400, message: "Invalid array" });
  expect((await stripe.customers.list()).data).toEqual([]);
  const { subscription } = await makeActive(stripe);
  const path = "data.latest_invoice.payments.data.payment.payment_intent";
  const deep = await stripe.subscriptions.list({ expand: [path] });
  expect(deep.data).toMatchObject([
    {
      id: subscription.id,
      latest_invoice: {
        payments: { data: [{ payment: { payment_intent: { status: "succeeded" } } }] },
      },
    },
  ]);
  const tooDeep = stripe.customers.list({ expand: [path.replace("data.", "data.subscriptions.")] });
  await expect(tooDeep).rejects.toMatchObject({ statusCode: 400 });
});

test("a body over a mebibyte is refused", async () => {
  await using emulated = await startEmulated();
  const body = `name=${"x".repeat(1_100_000)}`;
  const options = { method: "POST", headers: bearer, body };
  expect((await fetch(`${emulated.url}/v1/customers`, options)).status).toBe(413);
});

test("an empty value unsets a field, and metadata is merged", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { id } = await stripe.customers.create({ name: "Acme", metadata: { a: "1", b: "2" } });
  const updated = await stripe.customers.update(id, { name: "", metadata: { a: "", c: 3 } });
  expect(updated).toMatchObject({ name: null, metadata: { b: "2", c: "3" } });
  expect(updated.metadata).not.toHaveProperty("a");
  const [event] = (await stripe.events.list({ type: "customer.updated" })).data;
  expect(event?.data.previous_attributes).toEqual({
    name: "Acme",
    metadata: { a: "1", c: null },
  });
});

test("lists are paged both ways, newest first", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const made: string[] = [];
  for (let count = 0; count < 12; count += 1) {
    // oxlint-disable-next-line no-await-in-loop -- made one after another, to know their order.
    made.unshift((await stripe.customers.create({ name: `n${count}` })).id);
  }
  const first = await stripe.customers.list({ limit: 5 });
  expect(first).toMatchObject({ object: "list", has_more: true, url: "/v1/customers" });
  expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 5));
  const before = await stripe.customers.list({ limit: 2, ending_before: made[4] ?? "" });
  expect(before.data.map(({ id }) => id)).toEqual(made.slice(2, 4));
  const all = await stripe.customers.list({ limit: 5 }).autoPagingToArray({ limit: 100 });
  expect(all.map(({ id }) => id)).toEqual(made);
  await expect(stripe.customers.list({ limit: 101 })).rejects.toMatchObject({ param: "limit" });
});

test("prices are found by lookup key, with their product expanded", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const found = await stripe.prices.list({
    lookup_keys: ["pro_month", "nothing"],
    expand: ["data.product"],
  });
  expect(found.data).toMatchObject([{ id: price.id, product: { name: "Pro" } }]);
  const other = { product: idOf(price.product), currency: "usd", unit_amount: 2900 };
  const taken = stripe.prices.create({ ...other, lookup_key: "pro_month" });
  await expect(taken).rejects.toMatchObject({ statusCode: 400, param: "lookup_key" });
  const moved = await stripe.prices.create({
    ...other,
    lookup_key: "pro_month",
    transfer_lookup_key: true,
  });
  const now = await stripe.prices.list({ lookup_keys: ["pro_month"] });
  expect(now.data.map(({ id }) => id)).toEqual([moved.id]);
});

test("customers are found by metadata and email together", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { id } = await stripe.customers.create({ email: "a@b.test", metadata: { tenant: "t1" } });
  await stripe.customers.create({ email: "a@b.test", metadata: { tenant: "t2" } });
  const search = async (query: string) =>
    (await stripe.customers.search({ query })).data.map((each) => each.id);
  expect(await search("metadata['tenant']:'t1' AND email:'a@b.test'")).toEqual([id]);
  expect(await search("email:'a@b.test'")).toHaveLength(2);
  expect(await search("metadata['tenant']:'t3'")).toEqual([]);
  await expect(search("tenant is t1")).rejects.toMatchObject({ statusCode: 400 });
});

test("a port already taken rejects with EADDRINUSE", async () => {
  await using emulated = await startEmulated();
  const port = Number(new URL(emulated.url).port);
  await expect(startStripeEmulator({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
