import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { Delivery } from "../../dev/stripe/deliveries.ts";
import { allEvents, makeIncomplete, startEmulated, startReceiver } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const REFUSED_ONCE = { id: expect.any(String), pending_webhooks: 1 };

async function deliveriesOf({ url }: Emulated): Promise<Delivery[]> {
  const answer = await fetch(`${url}/_emulator/deliveries`);
  return ((await answer.json()) as { deliveries: Delivery[] }).deliveries.toReversed();
}

const timesOf = (delivery?: Delivery) => (delivery?.attempts ?? []).map(({ at }) => Date.parse(at));
const isSorted = (times: number[]) => times.every((time, n) => time >= (times[n - 1] ?? 0));

test("a day's retries are made when the clock is moved by a day, each at its own time", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  receiver.state.status = 500;
  await stripe.customers.create({ name: "Acme" });
  const start = Date.now();
  expect(await control("advance", { seconds: DAY })).toMatchObject({ pending: 1 });
  const [delivery] = await deliveriesOf(emulated);
  if (delivery === undefined) throw new Error("no delivery");
  const times = timesOf(delivery);
  // 0.5 s, 1 s, 2 s … add up to 18 hours after seventeen retries, and to 36 after the next.
  expect([delivery.state, times.length]).toEqual(["pending", 18]);
  expect(receiver.state.refused).toBe(18);
  const last = (times.at(-1) ?? 0) - start;
  expect(last).toBeGreaterThan(18 * HOUR * 1000);
  expect(last).toBeLessThan(19 * HOUR * 1000);
  expect(delivery.nextAttemptMs).toBeGreaterThan(start + DAY * 1000);
});

test("after three days an event is given up, and stays among the undelivered", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  receiver.state.status = 500;
  await stripe.customers.create({ name: "Acme" });
  expect(await control("advance", { seconds: 3 * DAY - HOUR })).toMatchObject({ pending: 1 });
  expect(await control("advance", { seconds: 2 * HOUR })).toMatchObject({ pending: 0 });
  const [delivery] = await deliveriesOf(emulated);
  expect([delivery?.state, delivery?.attempts.length]).toEqual(["failed", 20]);
  const missed = async () => (await stripe.events.list({ delivery_success: false })).data;
  expect(await missed()).toMatchObject([REFUSED_ONCE]);
  receiver.state.status = 200;
  await control("advance", { seconds: 10 * DAY });
  expect(receiver.received).toEqual([]);
  await control("deliveries/redeliver", {});
  expect(receiver.received).toHaveLength(1);
  expect(await missed()).toEqual([]);
  expect(await allEvents(stripe)).toMatchObject([{ pending_webhooks: 0 }]);
});

test("what happens while the clock moves is told at its time, and in order", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  await makeIncomplete(stripe, { trial_period_days: 14 });
  await control("advance", { seconds: 15 * DAY });
  const events = await allEvents(stripe);
  expect(receiver.received.map(({ id }) => id).toSorted()).toEqual(
    events.map(({ id }) => id).toSorted(),
  );
  expect(isSorted(receiver.received.map(({ created }) => created))).toBe(true);
  const created = new Map(events.map((event) => [event.id, event.created]));
  for (const delivery of await deliveriesOf(emulated)) {
    const late = (timesOf(delivery)[0] ?? 0) / 1000 - (created.get(delivery.event) ?? 0);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(HOUR);
  }
});

test("a retry waits for its time over a restart, and not for the time the emulator was off", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "stripe-"));
  await using receiver = await startReceiver();
  const options = { stateFile: join(folder.path, "state.json"), webhook: receiver.webhook };
  receiver.state.status = 500;
  const before = await startEmulated(options);
  await before.stripe.customers.create({ name: "Acme" });
  await before.control("advance", { seconds: 3 * HOUR });
  const [stored] = await deliveriesOf(before);
  await before.close();

  receiver.state.status = 200;
  await using after = await startEmulated(options);
  expect(await deliveriesOf(after)).toEqual([stored]);
  await after.control("advance", { seconds: HOUR });
  expect(receiver.received).toEqual([]);
  await after.control("advance", { seconds: 2 * HOUR });
  expect(receiver.received).toHaveLength(1);
  const [delivered] = await deliveriesOf(after);
  expect(delivered?.state).toBe("delivered");
  expect(timesOf(delivered).at(-1)).toBeGreaterThanOrEqual(stored?.nextAttemptMs ?? Infinity);
  expect(timesOf(delivered).at(-1)).toBeLessThan((stored?.nextAttemptMs ?? 0) + HOUR * 1000);
});

test("what is held back loses none of its retries while the clock moves", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  await control("webhooks", { mode: "hold" });
  await stripe.customers.create({ name: "Acme" });
  expect(await control("advance", { seconds: 9 * DAY })).toMatchObject({ pending: 1 });
  receiver.state.status = 500;
  await control("webhooks", { mode: "deliver" });
  await expect.poll(() => receiver.state.refused).toBe(1);
  receiver.state.status = 200;
  expect(await control("settle")).toMatchObject({ settled: true });
  const [delivery] = await deliveriesOf(emulated);
  expect(timesOf(delivery)[0]).toBeGreaterThan(Date.now() + 8 * DAY * 1000);
});

test("a test clock does not hurry the retries", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  receiver.state.status = 500;
  const start = 1_577_836_800;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: start });
  await stripe.customers.create({ name: "Acme", test_clock: clock.id });
  await control("advance", { seconds: HOUR });
  const tries = async () =>
    (await deliveriesOf(emulated)).slice(0, 2).map(({ attempts }) => attempts.length);
  const before = await tries();
  await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: start + 30 * DAY });
  await expect
    .poll(async () => (await stripe.testHelpers.testClocks.retrieve(clock.id)).status)
    .toBe("ready");
  expect(await tries()).toEqual(before);
  await control("advance", { seconds: DAY });
  expect((await tries())[0]).toBeGreaterThan(before[0] ?? Infinity);
});
