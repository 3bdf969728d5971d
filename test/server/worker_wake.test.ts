/** Workers hear of events that arrive, though the transaction that keeps one tells nobody. */
import { makeWaker } from "../../server/worker_wake.ts";
import { describe, expect, waitUntil, withClient } from "../support/index.ts";
import { test } from "../support/quiet_system.ts";
import { makeEvent, sendWebhook } from "../support/webhooks.ts";

describe("an event that arrives", () => {
  test("wakes the workers once it is kept", async ({ system, database }) => {
    await withClient(database.urls.worker, async (client) => {
      const told: unknown[] = [];
      client.on("notification", ({ payload = "" }) => told.push(JSON.parse(payload)));
      await client.query('listen "jobs:insert"');
      await sendWebhook(system, JSON.stringify(makeEvent()));
      await waitUntil(async () => told.length > 0);
      expect(told).toEqual([{ r: expect.any(Number), count: 1 }]);
    });
  });
});

describe("waking", () => {
  test("tells once for all that were booked meanwhile, and of every one", async () => {
    const counts: unknown[] = [];
    const answers: (() => void)[] = [];
    const query = (_text: string, [count]: unknown[]) => {
      counts.push(count);
      return new Promise<void>((resolve) => answers.push(resolve));
    };
    const wake = makeWaker({ query } as unknown as Parameters<typeof makeWaker>[0]);
    for (let event = 0; event < 4; event += 1) wake(1);
    expect(counts).toEqual([1]);
    answers.shift()?.();
    await waitUntil(async () => counts.length === 2);
    expect(counts).toEqual([1, 3]);
    answers.shift()?.();
  });

  test("goes on after a notification that failed", async () => {
    let asked = 0;
    const query = () => {
      asked += 1;
      return Promise.reject(new Error("no connection"));
    };
    const wake = makeWaker({ query });
    wake(1);
    await waitUntil(async () => asked === 1);
    await new Promise(setImmediate);
    wake(1);
    expect(asked).toBe(2);
  });
});
