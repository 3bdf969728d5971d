import { expect, test } from "vitest";

import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { makeChaos } from "../../dev/stripe/chaos.ts";
import type { ChaosSettings } from "../../dev/stripe/chaos.ts";
import type { Delivery } from "../../dev/stripe/deliveries.ts";
import { makeRateLimits } from "../../dev/stripe/rate_limits.ts";
import { allEvents, makeActive, startEmulated, startReceiver } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const NAMES = Array.from({ length: 20 }, (_, index) => `n${index}`);

async function deliveriesOf({ url }: Emulated): Promise<Delivery[]> {
  const answer = await fetch(`${url}/_emulator/deliveries`);
  return ((await answer.json()) as { deliveries: Delivery[] }).deliveries.toReversed();
}

/** Twenty customers' events under some mischief: what arrived, in order, by the customers' names. */
async function suffer(settings: Partial<ChaosSettings>) {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const answer = (await emulated.control("chaos", settings)) as ChaosSettings;
  await emulated.control("webhooks", { mode: "hold" });
  for (const name of NAMES) await emulated.stripe.customers.create({ name });
  await emulated.control("webhooks", { mode: "deliver" });
  expect(await emulated.control("settle")).toMatchObject({ settled: true });
  const arrived = receiver.received.map(({ data }) => (data.object as { name: string }).name);
  const ids = receiver.received.map(({ id }) => id);
  return {
    answer,
    arrived,
    ids,
    deliveries: await deliveriesOf(emulated),
    events: await allEvents(emulated.stripe),
  };
}

test("without mischief every event arrives once", async () => {
  const { answer, arrived } = await suffer({});
  expect(answer).toMatchObject({ duplicate: 0, reorder: 0, drop: 0, drop_forever: 0, twin: 0 });
  expect(arrived.toSorted()).toEqual(NAMES.toSorted());
});

test("an event may arrive twice, and is counted as waiting once", async () => {
  const { ids, events } = await suffer({ seed: 7, duplicate: 0.5 });
  expect(new Set(ids).size).toBe(NAMES.length);
  expect(ids.length).toBeGreaterThan(NAMES.length + 3);
  expect(ids.length).toBeLessThan(2 * NAMES.length);
  expect(new Set(events.map((event) => event.pending_webhooks))).toEqual(new Set([0]));
});

test("there may be two events for one change, alike but for their ids", async () => {
  const { ids, events } = await suffer({ seed: 7, twin: 0.5 });
  const twins = events.length - NAMES.length;
  expect(twins).toBeGreaterThan(3);
  expect(ids.toSorted()).toEqual(events.map(({ id }) => id).toSorted());
  const alike = new Set(
    events.map(({ id: _id, pending_webhooks: _count, ...rest }) => JSON.stringify(rest)),
  );
  expect(alike.size).toBe(NAMES.length);
});

test("a burst bears one second, as long as a minute has not gone by", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const seconds = async () => new Set((await allEvents(stripe)).map(({ created }) => created)).size;
  await control("chaos", { same_second: 1 });
  await makeActive(stripe);
  await control("advance", { seconds: 50 });
  await stripe.customers.create({ name: "Acme" });
  expect(await seconds()).toBe(1);
  await control("advance", { seconds: 20 });
  await stripe.customers.create({ name: "Globex" });
  expect(await seconds()).toBe(2);
  await control("chaos", {});
  await control("advance", { seconds: 5 });
  await stripe.customers.create({ name: "Initech" });
  expect(await seconds()).toBe(3);
});

test("events overtake each other, in the same order for the same seed", async () => {
  const first = await suffer({ seed: 7, reorder: 0.4 });
  expect(first.arrived).not.toEqual(NAMES);
  expect(first.arrived.toSorted()).toEqual(NAMES.toSorted());
  expect((await suffer({ seed: 7, reorder: 0.4 })).arrived).toEqual(first.arrived);
  expect((await suffer({ seed: 8, reorder: 0.4 })).arrived).not.toEqual(first.arrived);
});

test("a lost attempt never leaves, and is made again", async () => {
  const { arrived, deliveries } = await suffer({ seed: 7, drop: 0.3 });
  expect(arrived.toSorted()).toEqual(NAMES.toSorted());
  const lost = deliveries.filter(({ attempts }) => attempts[0]?.error === "lost on the way");
  expect(lost.length).toBeGreaterThan(2);
  for (const { state, attempts } of lost) {
    expect([state, attempts.at(-1)?.status]).toEqual(["delivered", 200]);
  }
});

test("an event that is lost for good is only found by asking for what was not delivered", async () => {
  await using receiver = await startReceiver();
  await using emulated = await startEmulated({ webhook: receiver.webhook });
  const { stripe, control } = emulated;
  await control("chaos", { drop_forever: 1 });
  const { id } = await stripe.customers.create({ name: "Acme" });
  expect(await control("settle")).toEqual({ settled: true, pending: 0 });
  expect(receiver.received).toEqual([]);
  const missed = await stripe.events.list({ delivery_success: false });
  expect(missed.data).toMatchObject([{ data: { object: { id } } }]);
  await control("chaos", {});
  await stripe.customers.update(id, { name: "Globex" });
  await control("settle");
  expect(receiver.received).toMatchObject([{ type: "customer.updated" }]);
});

test("deliveries are late by no more than the delay", async () => {
  const { deliveries } = await suffer({ seed: 7, delay_ms: 200 });
  const late = deliveries.map(({ notBeforeMs, createdMs }) => notBeforeMs - createdMs);
  expect(Math.max(...late)).toBeLessThan(200);
  expect(new Set(late).size).toBeGreaterThan(10);
  for (const { attempts, notBeforeMs } of deliveries) {
    expect(Date.parse(attempts[0]?.at ?? "")).toBeGreaterThanOrEqual(notBeforeMs);
  }
});

test("the same calls meet the same fates under the same seed, a chosen one and a drawn one", async () => {
  const all = { duplicate: 0.3, reorder: 0.3, drop: 0.05, drop_forever: 0.1, twin: 0.2 };
  const fates = ({ deliveries }: Awaited<ReturnType<typeof suffer>>) =>
    deliveries.map(({ state, isDuplicate, place, attempts }) => ({
      state,
      isDuplicate,
      place,
      errors: attempts.map(({ error }) => error),
    }));
  const drawn = await suffer(all);
  expect(drawn.answer).toMatchObject(all);
  const again = await suffer({ ...all, seed: drawn.answer.seed });
  expect(fates(again)).toEqual(fates(drawn));
  expect(again.deliveries.length).toBeGreaterThan(NAMES.length);
});

test("settings that make no sense are refused by name", async () => {
  await using emulated = await startEmulated();
  const wrong = [{ drop: 1.5 }, { drop: -1 }, { twin: "often" }, { delay_ms: -1 }, { dorp: 0.1 }];
  for (const settings of wrong) {
    const [name = ""] = Object.keys(settings);
    await expect(emulated.control("chaos", settings)).rejects.toThrow(name);
  }
});

test("a seed that is set again begins anew", () => {
  const chaos = makeChaos({});
  const fates = () => {
    chaos.set({ seed: 7, twin: 0.5, reorder: 0.5, same_second: 0.5 });
    return Array.from({ length: 20 }, (_, index) => [
      chaos.nextIsTwin(),
      chaos.nextFates(),
      chaos.secondOf(index),
    ]);
  };
  expect(fates()).toEqual(fates());
});

test("mischief from the start is told with its seed, and is back after a reset", async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  await using emulated = await startEmulated({ chaos: { duplicate: "0.2" }, log });
  const settings = async () => (await fetch(`${emulated.url}/_emulator/chaos`)).json();
  const atStart = (await settings()) as ChaosSettings;
  expect(atStart.duplicate).toBe(0.2);
  expect(lines).toEqual([expect.stringContaining(`"seed":${atStart.seed}`)]);
  await emulated.control("chaos", {});
  expect(await settings()).not.toEqual(atStart);
  await emulated.control("reset");
  expect(await settings()).toEqual(atStart);
  await expect(startStripeEmulator({ port: 0, chaos: { drop: "2" } })).rejects.toThrow("drop");
});

test("an answer cut in the middle leaves the work done, and the same key gets it whole", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await control("faults", { kind: "truncated", method: "POST", path: "/v1/customers" });
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  await expect(create()).rejects.toMatchObject({ type: "StripeConnectionError" });
  const customer = await create();
  expect(customer.lastResponse.headers["idempotent-replayed"]).toBe("true");
  expect((await stripe.customers.list()).data).toMatchObject([{ id: customer.id }]);
});

/** How many of so many calls at once, to each of these endpoints, are refused, and why. */
async function burst({ url }: Emulated, count: number, paths: string[]) {
  const answers = await Promise.all(
    paths.flatMap((path) =>
      Array.from({ length: count }, () =>
        fetch(`${url}/v1/${path}`, { headers: { authorization: "Bearer sk_test_x" } }),
      ),
    ),
  );
  const refused = answers.filter(({ status }) => status === 429);
  return {
    refused: refused.length,
    reasons: new Set(refused.map(({ headers }) => headers.get("stripe-rate-limited-reason"))),
    body: await refused[0]?.json(),
  };
}

test("rate limits are kept on request: by account, and by endpoint", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await makeActive(stripe);
  expect((await burst(emulated, 30, ["customers"])).refused).toBe(0);

  await control("rate_limits", { on: true });
  const sandbox = await burst(emulated, 50, ["customers", "prices"]);
  expect(sandbox).toMatchObject({ body: { error: { code: "rate_limit" } } });
  expect(sandbox.reasons).toEqual(new Set(["global-rate"]));

  await control("rate_limits", { on: true, mode: "live" });
  const live = await burst(emulated, 80, ["customers"]);
  expect(live.reasons).toEqual(new Set(["endpoint-rate"]));

  await control("rate_limits", { on: false });
  expect((await burst(emulated, 30, ["customers"])).refused).toBe(0);
});

test("a second holds 25 calls in a sandbox and 100 in live mode, and 25 to one endpoint", () => {
  let now = 0;
  const limits = makeRateLimits(() => now);
  const calls = (count: number, endpoint: string) =>
    Array.from({ length: count }, () => limits.admit(endpoint)?.reason ?? "admitted");
  const admitted = (answers: string[]) => answers.filter((each) => each === "admitted").length;
  limits.set("sandbox");
  expect([admitted(calls(15, "a")), admitted(calls(15, "b"))]).toEqual([15, 10]);
  now = 999;
  expect(calls(1, "c")).toEqual(["global-rate"]);
  now = 1_000;
  expect(admitted(calls(30, "a"))).toBe(25);
  limits.set("live");
  expect(calls(26, "a").at(-1)).toBe("endpoint-rate");
  expect(["b", "c", "d"].map((name) => admitted(calls(30, name)))).toEqual([25, 25, 25]);
  expect(calls(1, "e")).toEqual(["global-rate"]);
});

test("a call refused for its rate does no work, and its key stays free", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await control("rate_limits", { on: true });
  await burst(emulated, 60, ["prices"]);
  const create = () => stripe.customers.create({ name: "Acme" }, { idempotencyKey: "k1" });
  await expect(create()).rejects.toMatchObject({ statusCode: 429, code: "rate_limit" });
  await control("rate_limits", { on: false });
  expect((await create()).lastResponse.headers).not.toHaveProperty("idempotent-replayed");
  expect((await stripe.customers.list()).data).toHaveLength(1);
});
