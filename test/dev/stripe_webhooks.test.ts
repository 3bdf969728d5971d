import { expect, test } from "vitest";

import { allEvents, makeActive, startEmulated, startReceiver } from "./stripe_support.ts";

const ids = (events: { id: string }[]) => events.map((event) => event.id).toSorted();

test("every event arrives once, signed, as the API shows it", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  await makeActive(emulated.stripe);
  expect(await emulated.control("settle")).toEqual({ settled: true, pending: 0 });
  const events = await allEvents(emulated.stripe);
  expect(ids(receiver.received)).toEqual(ids(events));
  const { pending_webhooks: _sent, ...arrived } = receiver.received.find(
    (event) => event.type === "customer.subscription.updated",
  ) ?? { pending_webhooks: 0 };
  const retrieved = events.find((event) => event.type === "customer.subscription.updated");
  expect(JSON.parse(JSON.stringify(retrieved))).toMatchObject(arrived);
});

test("a refused event is sent again until it is accepted", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  receiver.state.status = 302;
  const { id } = await emulated.stripe.customers.create({ name: "Acme" });
  await expect.poll(() => receiver.state.refused).toBe(1);
  const undelivered = await emulated.stripe.events.list({ delivery_success: false });
  expect(undelivered.data).toMatchObject([{ data: { object: { id } }, pending_webhooks: 1 }]);
  receiver.state.status = 200;
  expect(await emulated.control("settle")).toMatchObject({ settled: true });
  expect(receiver.received).toMatchObject([{ data: { object: { id } } }]);
  const response = await fetch(`${emulated.url}/_emulator/deliveries`);
  expect(await response.json()).toMatchObject({
    deliveries: [{ state: "delivered", attempts: [{ status: 302 }, { status: 200 }] }],
  });
  const missed = await emulated.stripe.events.list({ delivery_success: false });
  expect(missed.data).toEqual([]);
});

test("a receiver that is down does not hold up the API", async () => {
  const webhook = { url: "http://127.0.0.1:9/hook", secret: "whsec_x" };
  await using emulated = await startEmulated({ webhook });
  await emulated.stripe.customers.create({ name: "Acme" });
  const settled = await emulated.control("settle", { timeout_ms: 50 });
  expect(settled).toEqual({ settled: false, pending: 1 });
});

test("held events wait, and are delivered when they are let go", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  await emulated.control("webhooks", { mode: "hold" });
  await emulated.stripe.customers.create({ name: "Acme" });
  expect(await emulated.control("settle")).toEqual({ settled: false, pending: 1 });
  expect(receiver.received).toEqual([]);
  await emulated.control("webhooks", { mode: "deliver" });
  await emulated.control("settle");
  expect(receiver.received).toHaveLength(1);
});

test("events can be sent again shuffled and doubled, the same way for the same seed", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  await makeActive(emulated.stripe);
  await emulated.control("settle");
  const inOrder = (await allEvents(emulated.stripe)).map((event) => event.id);
  const sendAgain = async () => {
    receiver.received.length = 0;
    const wanted = { order: "shuffle", seed: 7, times: 2 };
    const answer = await emulated.control("deliveries/redeliver", wanted);
    const order = receiver.received.map((event) => event.id);
    expect(answer).toMatchObject({ deliveries: order.map((event) => ({ event, status: 200 })) });
    return order;
  };
  const first = await sendAgain();
  expect(first.toSorted()).toEqual([...inOrder, ...inOrder].toSorted());
  expect(first).not.toEqual(inOrder.flatMap((id) => [id, id]));
  expect(await sendAgain()).toEqual(first);
});

test("held events can be delivered in reverse", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  await emulated.control("webhooks", { mode: "hold" });
  await makeActive(emulated.stripe);
  await emulated.control("deliveries/redeliver", { order: "reverse" });
  const inOrder = (await allEvents(emulated.stripe)).map((event) => event.id);
  expect(receiver.received.map((event) => event.id)).toEqual(inOrder.toReversed());
  expect(await emulated.control("settle")).toEqual({ settled: true, pending: 0 });
});

test("an endpoint gets the types it asked for", async () => {
  await using emulated = await startEmulated();
  const endpoint = await emulated.stripe.webhookEndpoints.create({
    url: "http://127.0.0.1:9/hook",
    enabled_events: ["product.created"],
  });
  expect(endpoint.secret).toMatch(/^whsec_/);
  await emulated.stripe.customers.create({ name: "Acme" });
  await emulated.stripe.products.create({ name: "Pro" });
  const response = await fetch(`${emulated.url}/_emulator/deliveries`);
  expect(await response.json()).toMatchObject({ deliveries: [{ type: "product.created" }] });
  const listed = await emulated.stripe.webhookEndpoints.list();
  expect(listed.data).toMatchObject([{ id: endpoint.id }]);
  expect(listed.data[0]).not.toHaveProperty("secret");
});
