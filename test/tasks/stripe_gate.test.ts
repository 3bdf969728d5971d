/** The door between the SDK and Stripe that all workers share, over HTTP. */
import { pino } from "pino";
import Stripe from "stripe";

import { callOf } from "../../tasks/stripe_call.ts";
import { gatedHttpClient, heldBackFor } from "../../tasks/stripe_gate.ts";
import { test } from "../support/gated_tasks.ts";
import { expect, waitUntil, withClient } from "../support/index.ts";
import { waitForLock } from "../support/locks.ts";
import type { StripeDoor } from "../support/stripe_door.ts";
import type { Workshop } from "../support/tasks.ts";

/** The SDK as one worker has it. */
function worker(
  { pool }: Workshop,
  { url }: StripeDoor,
  { callsPerSecond = 25, answerMs = 5_000 } = {},
): Stripe {
  const { hostname: host, port } = new URL(url);
  const httpClient = gatedHttpClient(Stripe.createNodeHttpClient(), {
    pool,
    logger: pino({ level: "silent" }),
    callsPerSecond,
    keyFingerprint: "x",
    answerMs,
  });
  return new Stripe("sk_test_tasks", {
    protocol: "http",
    host,
    port: Number(port),
    telemetry: false,
    maxNetworkRetries: 1,
    httpClient,
  });
}

test("S61: several workers together ask Stripe no faster than a sandbox allows", async ({
  workshop,
  gated,
}) => {
  const workers = [1, 2, 3].map(() => worker(workshop, gated.door));
  const started = performance.now();
  await Promise.all(
    workers.flatMap((stripe) => Array.from({ length: 12 }, () => stripe.prices.list())),
  );
  // 36 calls, four to a slot of 200 ms: the last slot begins 1.4 s after the end of the first.
  expect(performance.now() - started).toBeGreaterThan(1_400);
  expect(gated.door.calls).toHaveLength(36);
});

test("S61: a call is made when the time that was booked for it comes, not before", async ({
  workshop,
  gated,
}) => {
  // All that the account may do in the next second is taken.
  await workshop.pool.query(
    `insert into app_private.stripe_call_slots
    select 'account', starts_at, starts_at + interval '200 milliseconds', 1000
    from generate_series(
      date_bin('200 milliseconds', clock_timestamp(), 'epoch'),
      clock_timestamp() + interval '1 second',
      '200 milliseconds'
    ) as starts_at
    on conflict (scope, starts_at) do update set taken = 1000`,
  );
  const taken = Date.now();
  await worker(workshop, gated.door).prices.list();
  expect(gated.door.calls).toHaveLength(1);
  expect((gated.door.calls[0]?.at ?? 0) - taken).toBeGreaterThan(800);
});

test("a call that would wait too long is not made, and its job waits without a lost attempt", async ({
  workshop,
  gated,
}) => {
  const { pool } = workshop;
  await workshop.found();
  await pool.query("select app_private.slow_stripe_down('', true, 60)");
  await gated.runDue();
  expect(gated.door.calls).toEqual([]);
  expect(await gated.jobs()).toMatchObject([
    { attempts: 0, last_error: expect.stringContaining("no call to Stripe left") },
  ]);
});

test("a database that does not answer holds calls back instead of letting them through", async ({
  workshop,
  gated,
}) => {
  const stripe = worker(workshop, gated.door, { answerMs: 50 });
  await withClient(workshop.database.urls.superuser, async (client) => {
    await client.query("begin");
    await client.query(
      "select pg_advisory_xact_lock(hashtextextended('app_private.stripe_call_slots', 0))",
    );
    const refused = await stripe.prices.list().then(
      () => undefined,
      (error: unknown) => error,
    );
    await waitForLock(client);
    expect(heldBackFor(refused)).toBeGreaterThan(0);
    expect(gated.door.calls).toEqual([]);
    await client.query("rollback");
  });
  await waitUntil(() =>
    stripe.prices.list().then(
      () => true,
      () => false,
    ),
  );
});

test("while a call is under way, no other waits for it in the database", async ({
  workshop,
  gated,
}) => {
  await workshop.control("faults", { kind: "slow", method: "GET", path: "/v1/prices", ms: 300 });
  const stripe = worker(workshop, gated.door, { callsPerSecond: 10_000 });
  const slow = stripe.prices.list().then(() => performance.now());
  await waitUntil(() => gated.door.calls.length === 1);
  await stripe.customers.list({ limit: 1 });
  const quick = performance.now();
  expect(quick).toBeLessThan(await slow);
});

test.for([
  ["GET", "/v1/customers/cus_NffrFeUfNV2Hib", "", "GET /v1/customers/:id", null],
  ["GET", "/v1/prices?lookup_keys[0]=pro_month", "", "GET /v1/prices", null],
  [
    "POST",
    "/v1/billing_portal/sessions",
    "customer=cus_1",
    "POST /v1/billing_portal/sessions",
    null,
  ],
  [
    "POST",
    "/v1/subscriptions/sub_1Abc",
    "items[0][id]=si_1&items[0][quantity]=3",
    "POST /v1/subscriptions/:id",
    "sub_1Abc",
  ],
  [
    "POST",
    "/v1/subscriptions/sub_1Abc",
    "items%5B0%5D%5Bquantity%5D=3",
    "POST /v1/subscriptions/:id",
    "sub_1Abc",
  ],
  ["POST", "/v1/subscription_items/si_9", "quantity=0", "POST /v1/subscription_items/:id", "si_9"],
  [
    "POST",
    "/v1/subscriptions/sub_1Abc",
    "cancel_at_period_end=true",
    "POST /v1/subscriptions/:id",
    null,
  ],
  ["POST", "/v1/subscriptions", "items[0][quantity]=1", "POST /v1/subscriptions", null],
  ["POST", "/v2/billing/meter_event_stream", "{}", "POST /v2/billing/meter_event_stream", null],
] as const)("%s %s with %s counts as %s", ([method, path, body, endpoint, quantityOf]) => {
  expect(callOf(method, path, body)).toMatchObject({ endpoint, quantityOf });
});
