import { expect, test } from "vitest";

import { allEvents, makeActive, startEmulated, startReceiver } from "./stripe_support.ts";

const DAY = 86_400;

test("what happens in an outage of two days is found by asking for what was not delivered", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  const { id } = await stripe.customers.create({ name: "Acme" });
  await control("settle");
  expect(await control("webhooks", { mode: "drop" })).toMatchObject({ mode: "drop" });
  const { subscription } = await makeActive(stripe);
  await control("advance", { seconds: 2 * DAY });
  await stripe.customers.update(id, { name: "Globex" });
  expect(await control("settle")).toEqual({ settled: true, pending: 0 });
  await control("webhooks", { mode: "deliver" });
  await stripe.customers.update(id, { name: "Initech" });
  await control("settle");
  expect(receiver.received.map((event) => event.type)).toEqual([
    "customer.created",
    "customer.updated",
  ]);

  const missed = await stripe.events
    .list({ delivery_success: false, limit: 100 })
    .autoPagingToArray({ limit: 1000 });
  const arrived = new Set(receiver.received.map((event) => event.id));
  const all = (await allEvents(stripe)).map((event) => event.id);
  expect(missed.map((event) => event.id).toReversed()).toEqual(
    all.filter((event) => !arrived.has(event)),
  );
  expect(JSON.stringify(missed)).toContain(subscription.id);
  expect(missed.every((event) => event.pending_webhooks === 1)).toBe(true);
});

test("what was given up can be sent by hand, and then counts as delivered", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  await control("webhooks", { mode: "drop" });
  await stripe.customers.create({ name: "Acme" });
  await control("settle");
  const missed = async () => (await stripe.events.list({ delivery_success: false })).data;
  const [event] = await missed();
  receiver.state.status = 500;
  await control("deliveries/redeliver", { event: event?.id });
  expect(await missed()).toHaveLength(1);
  receiver.state.status = 200;
  await control("deliveries/redeliver", { event: event?.id });
  expect(receiver.received.map(({ id }) => id)).toEqual([event?.id]);
  expect(await missed()).toEqual([]);
});

test("what is held back can be let through one by one, by hand", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  await control("webhooks", { mode: "hold" });
  for (const name of ["a", "b"]) await stripe.customers.create({ name });
  const [, second] = await allEvents(stripe);
  await control("deliveries/redeliver", { event: second?.id });
  expect(receiver.received.map(({ id }) => id)).toEqual([second?.id]);
  expect(await control("webhooks", { mode: "deliver" })).toMatchObject({ pending: 1 });
  await control("settle");
  expect(receiver.received).toHaveLength(2);
});

test("a reset ends what was planned, held back and limited, but for what was from the start", async () => {
  const atStart = { kind: "409", path: "/v1/refunds" };
  await using emulated = await startEmulated({ faults: [atStart] });
  const { url, control } = emulated;
  await control("faults", { kind: "500_before", path: "/v1/customers" });
  await expect(emulated.stripe.refunds.list()).rejects.toMatchObject({ statusCode: 409 });
  await control("rate_limits", { on: true });
  await control("webhooks", { mode: "drop" });
  await control("settings", { after_retries: "unpaid" });
  await control("reset");
  const { faults, rateLimits, mode, settings } = (await (
    await fetch(`${url}/_emulator/overview`)
  ).json()) as Record<string, unknown>;
  expect({ faults, rateLimits, mode, settings }).toEqual({
    faults: [{ ...atStart, nth: 1, ms: 0 }],
    rateLimits: "off",
    mode: "deliver",
    settings: { after_retries: "cancel", on_dispute: "keep" },
  });
});
