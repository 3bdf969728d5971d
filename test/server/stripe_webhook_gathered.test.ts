/** Events that arrive while others are being written are written together, and that changes nothing. */
import { once } from "node:events";
import { request } from "node:http";

import type pg from "pg";

import { arriving, killUntil, whileLocked } from "../support/arriving.ts";
import { expect, waitUntil, withClient, withDatabase } from "../support/index.ts";
import { waitForLock } from "../support/locks.ts";
import { rowsOf } from "../support/query.ts";
import { test } from "../support/quiet_system.ts";
import { withSystem, type System } from "../support/system.ts";
import { makeEvent, sendWebhook, signHeader } from "../support/webhooks.ts";

type Event = ReturnType<typeof makeEvent>;

const makeEvents = (count: number, more = {}) =>
  Array.from({ length: count }, () => makeEvent(more));
const send = (system: System, event: Event) => sendWebhook(system, JSON.stringify(event));

/** Of these events: what became of each, its jobs, and the transaction that wrote it. */
function keptOf(admin: pg.Client, events: readonly Event[]) {
  return rowsOf<{ id: string; status: string; jobs: number; transaction: string }>(
    admin,
    `select events.id, events.status, events.xmin::text as transaction, (
      select count(*)::integer from graphile_worker._private_jobs as jobs
      where jobs.key = 'stripe_event:' || events.id
    ) as jobs
    from app_private.stripe_events as events where id = any ($1)`,
    [events.map(({ id }) => id)],
  );
}

test("200 events that arrive at once are all kept and booked, in few transactions", async ({
  system,
  admin,
}) => {
  const events = makeEvents(200);
  // Their connections are open beforehand: nobody waits for a lock until all of those are.
  await Promise.all(events.map(async () => (await fetch(`${system.url}/healthz`)).text()));
  const { answers } = await whileLocked(admin, "app_private.stripe_events", () =>
    arriving(admin, 200, () => Promise.all(events.map((event) => send(system, event)))),
  );
  for (const answer of await answers) {
    expect(answer).toMatchObject({ status: 200, body: { received: true, status: "pending" } });
  }
  const kept = await keptOf(admin, events);
  expect(kept).toHaveLength(200);
  expect(kept.filter(({ status, jobs }) => status !== "pending" || jobs !== 1)).toEqual([]);
  expect(new Set(kept.map(({ transaction }) => transaction)).size).toBeLessThan(20);
});

test("one event that can't be written is refused alone, whoever arrives with it", async ({
  system,
  admin,
}) => {
  // Neither is a time to PostgreSQL, nor can it follow braces so deep; for JSON both are well.
  const late = makeEvent({ created: 1e15 });
  const good = makeEvents(30);
  const deep = makeEvent();
  const nested = JSON.stringify({ ...deep, deep: "[]" }).replace(
    '"[]"',
    `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
  );
  const payloads = [...good, late].map((event) => JSON.stringify(event));
  const { answers } = await whileLocked(admin, "app_private.stripe_events", () =>
    arriving(admin, 32, () =>
      Promise.all([...payloads, nested].map((payload) => sendWebhook(system, payload))),
    ),
  );
  const statuses = (await answers).map(({ status }) => status);
  expect(statuses).toEqual([...good.map(() => 200), 400, 500]);
  expect((await keptOf(admin, good)).map(({ jobs }) => jobs)).toEqual(good.map(() => 1));
  expect(await keptOf(admin, [late, deep])).toEqual([]);
});

test("S1: of many deliveries of one event that arrive together one is pending, the others duplicates", async ({
  system,
  admin,
}) => {
  const [event, other] = [makeEvent(), makeEvent()];
  const deliveries = Array.from({ length: 10 }, (_, turn) => (turn % 2 === 0 ? event : other));
  const { answers } = await whileLocked(admin, "app_private.stripe_events", () =>
    arriving(admin, 10, () => Promise.all(deliveries.map((delivery) => send(system, delivery)))),
  );
  const said = (await answers).map(({ status, body }) => [status, (body as Event)["status"]]);
  expect(said.filter(([, status]) => status === "pending")).toHaveLength(2);
  expect(said.filter(([, status]) => status === "duplicate")).toHaveLength(8);
  expect(said.every(([status]) => status === 200)).toBe(true);
  expect((await keptOf(admin, [event, other])).map(({ jobs }) => jobs)).toEqual([1, 1]);
});

test("a client that goes away takes nobody's event with it, not even its own", async ({
  system,
  admin,
}) => {
  const events = makeEvents(12);
  const [gone, ...others] = events;
  const { answers } = await whileLocked(admin, "app_private.stripe_events", () =>
    arriving(admin, 12, async () => {
      const answered = Promise.all(others.map((event) => send(system, event)));
      const payload = JSON.stringify(gone);
      const leaving = request(`${system.url}/webhooks/stripe`, {
        method: "POST",
        headers: { "stripe-signature": signHeader(payload, system.webhookSecret) },
      });
      leaving.end(payload);
      const left = once(leaving, "error");
      await waitForLock(admin);
      leaving.destroy(new Error("gone"));
      await left;
      return answered;
    }),
  );
  expect((await answers).map(({ status }) => status)).toEqual(others.map(() => 200));
  await waitUntil(async () => (await keptOf(admin, events)).length >= others.length);
  const kept = await keptOf(admin, others);
  expect(kept.map(({ status }) => status)).toEqual(others.map(() => "pending"));
});

test("S9: when the connection is lost in the middle of it all are told to come again, and none is half kept", async ({
  system,
  admin,
  database,
}) => {
  const events = makeEvents(40);
  // The events are written by then, and the jobs are not.
  const { killed, answers } = await whileLocked(
    admin,
    "graphile_worker._private_jobs",
    async () => {
      const scene = await arriving(admin, 40, () =>
        Promise.all(events.map((event) => send(system, event))),
      );
      return { killed: await killUntil(database, scene.answers), answers: await scene.answers };
    },
  );
  expect(answers.map(({ status }) => status)).toEqual(events.map(() => 500));
  expect(await keptOf(admin, events)).toEqual([]);
  // Nobody was tried alone on the next connection.
  expect(killed).toBeLessThan(20);
  const again = await Promise.all(events.map((event) => send(system, event)));
  expect(again.map(({ status }) => status)).toEqual(events.map(() => 200));
  expect((await keptOf(admin, events)).map(({ jobs }) => jobs)).toEqual(events.map(() => 1));
});

test("what has arrived is written and answered when the server is told to stop", async () => {
  await withDatabase("migrated", (database) =>
    withClient(database.urls.superuser, async (admin) => {
      const events = makeEvents(40);
      await admin.query("begin; lock table app_private.stripe_events in share mode");
      const arrived = Promise.withResolvers<{ answers: Promise<{ status: number }[]> }>();
      const stopped = withSystem(database, { worker: false }, async (system) => {
        const sendAll = () => Promise.all(events.map((event) => send(system, event)));
        arrived.resolve(await arriving(admin, 40, sendAll));
      });
      stopped.catch(arrived.reject);
      const { answers } = await arrived.promise;
      await admin.query("commit");
      expect((await answers).map(({ status }) => status)).toEqual(events.map(() => 200));
      await stopped;
      expect(await keptOf(admin, events)).toHaveLength(40);
    }),
  );
});
