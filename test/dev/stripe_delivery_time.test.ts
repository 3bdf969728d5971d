/** The webhooks alone, in a world whose real time stands still: all that moves is the emulator's clock. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import fc from "fast-check";
import { expect, test } from "vitest";

import { makeChaos } from "../../dev/stripe/chaos.ts";
import { makeClock } from "../../dev/stripe/clock.ts";
import { configureEndpoint } from "../../dev/stripe/resources/webhook_endpoints.ts";
import { emptyStore } from "../../dev/stripe/store.ts";
import type { StoredEvent } from "../../dev/stripe/store.ts";
import { Webhooks } from "../../dev/stripe/webhooks.ts";

const DAY = 86_400;
const NOON = Date.UTC(2026, 10, 23, 12);
const PATIENCE_MS = 20_000;
/** When each attempt is made, in milliseconds from the first: README.md gives the same schedule. */
const SCHEDULE = [...Array.from({ length: 19 }, (_, n) => 500 * (2 ** n - 1)), 3 * DAY * 1000];

/** Answers with the status that `answer` gives for an event, and keeps the order they came in. */
async function startListener(answer: (id: string, times: number) => number) {
  const heard: string[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { id } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { id: string };
      heard.push(id);
      response.writeHead(answer(id, heard.filter((each) => each === id).length)).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    heard,
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Webhooks that write to `url`, and hands to move time with. */
function startWebhooks(url: string, chaos: object = {}) {
  const real = { ms: NOON };
  const clock = makeClock(() => real.ms);
  const store = emptyStore();
  configureEndpoint(store, clock, { url, secret: "whsec_test" });
  const webhooks = new Webhooks({ store, clock, chaos: makeChaos(chaos), touch: () => undefined });
  return {
    real,
    clock,
    webhooks,
    deliveries: () => [...store.deliveries.values()],
    publish(id: string, inSeconds = 0) {
      const event = makeEvent(id);
      store.events.set(id, event);
      webhooks.publish({ event, atMs: clock.nowMs() + inSeconds * 1000 });
    },
    async advance(seconds: number) {
      clock.setOffset(clock.offset() + seconds);
      webhooks.clockMoved(seconds * 1000);
      await webhooks.caughtUp(PATIENCE_MS);
    },
    [Symbol.dispose]: () => webhooks.close(),
  };
}

function makeEvent(id: string): StoredEvent {
  return {
    id,
    object: "event",
    api_version: null,
    created: NOON / 1000,
    data: { object: { id: "cus_1", object: "customer" } },
    livemode: false,
    pending_webhooks: 0,
    request: null,
    type: "customer.created",
  };
}

/** Some events, each a while after the start and after so many refusals accepted; and moves of the clock. */
const lives = fc.record({
  events: fc.array(
    fc.record({ after: fc.nat(5 * DAY), refusals: fc.oneof(fc.nat(22), fc.constant(22)) }),
    { minLength: 1, maxLength: 5 },
  ),
  moves: fc.array(fc.oneof(fc.nat(60), fc.nat(DAY), fc.nat(4 * DAY)), {
    minLength: 1,
    maxLength: 6,
  }),
});

test("however the clock is moved, each attempt is made at its own time, and none out of order", async () => {
  await fc.assert(
    fc.asyncProperty(lives, async ({ events, moves }) => {
      const refusals = (id: string) => events[Number(id)]?.refusals ?? 0;
      await using listener = await startListener((id, times) => (times > refusals(id) ? 200 : 500));
      using life = startWebhooks(listener.url);
      for (const [id, { after }] of events.entries()) life.publish(String(id), after);
      for (const move of moves) {
        // oxlint-disable-next-line no-await-in-loop -- time goes one way.
        await life.advance(move);
      }

      const end = NOON + moves.reduce((sum, move) => sum + move, 0) * 1000;
      const made = new Map<string, number[]>();
      for (const delivery of life.deliveries()) {
        const start = NOON + (events[Number(delivery.event)]?.after ?? 0) * 1000;
        const wanted = SCHEDULE.slice(0, refusals(delivery.event) + 1);
        const times = delivery.attempts.map(({ at }) => Date.parse(at));
        expect(times).toEqual(wanted.map((ms) => start + ms).filter((time) => time <= end));
        made.set(delivery.event, times);
        const isOver = times.length === wanted.length;
        const outcome = refusals(delivery.event) < SCHEDULE.length ? "delivered" : "failed";
        expect(delivery.state).toBe(isOver ? outcome : "pending");
      }
      const arrivals = listener.heard.map((id) => made.get(id)?.shift() ?? Number.NaN);
      expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b));
    }),
    { numRuns: 15 },
  );
}, 30_000);

test("what is lost on the way is tried again at the times of the schedule, too", async () => {
  await using listener = await startListener(() => 200);
  using life = startWebhooks(listener.url, { drop: 1 });
  life.publish("a");
  await life.advance(4 * DAY);
  const [delivery] = life.deliveries();
  expect(delivery?.attempts.map(({ at }) => Date.parse(at) - NOON)).toEqual(SCHEDULE);
  expect([delivery?.state, listener.heard]).toEqual(["failed", []]);
});

test("time for which there was no emulator is not made up for: what is overdue is tried once", async () => {
  await using listener = await startListener(() => 500);
  using life = startWebhooks(listener.url);
  life.publish("a");
  await life.advance(3600);
  const before = listener.heard.length;
  life.real.ms += 2 * DAY * 1000;
  life.webhooks.reload();
  await life.webhooks.caughtUp(PATIENCE_MS);
  expect(listener.heard).toHaveLength(before + 1);
  const [delivery] = life.deliveries();
  expect(Date.parse(delivery?.attempts.at(-1)?.at ?? "")).toBe(life.clock.nowMs());
  expect(delivery?.state).toBe("pending");
});

test("what is held while the clock's way is still being made up for goes out when it is let go", async () => {
  await using listener = await startListener(() => 200);
  using life = startWebhooks(listener.url);
  life.publish("a");
  const onTheWay = life.advance(DAY);
  life.webhooks.setMode("hold");
  await onTheWay;
  expect(listener.heard).toEqual([]);
  life.webhooks.setMode("deliver");
  await life.webhooks.caughtUp(PATIENCE_MS);
  const [delivery] = life.deliveries();
  expect(delivery?.attempts).toMatchObject([{ at: new Date(NOON + DAY * 1000).toISOString() }]);
});
