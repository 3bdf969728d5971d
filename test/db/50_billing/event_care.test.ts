import type pg from "pg";

import { asUser, asWorker, createCast, expect, test } from "../../support/index.ts";
import { bookedJobs, keptEvents, openAlarms, receive } from "../../support/inbox.ts";
import { codeOf, rowOf, undone } from "../../support/query.ts";

const STATUSES = [
  "pending",
  "processed",
  "ignored",
  "ignored_mode",
  "foreign",
  "failed",
  "dismissed",
] as const;

function call(db: pg.Client, sql: string): Promise<unknown> {
  return asWorker(db, () => db.query(`select app_private.${sql}`));
}

/** Its job was tried as often as it may be. */
function giveUp(db: pg.Client, key: string): Promise<unknown> {
  return db.query(
    `update graphile_worker._private_jobs set attempts = max_attempts, last_error = 'No luck'
    where key = $1`,
    [key],
  );
}

function become(db: pg.Client, status: string): Promise<unknown> {
  return db.query("update app_private.stripe_events set status = $1", [status]);
}

test("an event whose job was given up is failed, with the reason, and alarms once", async ({
  db,
}) => {
  await receive(db);
  await giveUp(db, "stripe_event:evt_1");
  await call(db, "tend_stripe_events()");
  await call(db, "tend_stripe_events()");
  expect(await rowOf(db, "select status, reason from app_private.stripe_events")).toEqual({
    status: "failed",
    reason: "No luck",
  });
  expect(await openAlarms(db)).toEqual([
    { kind: "stripe_event_failed", subject: "evt_1", times: 1 },
  ]);
});

test("all events of a customer whose sync was given up are failed, under one alarm", async ({
  db,
}) => {
  for (const id of ["evt_1", "evt_2"]) {
    await receive(db, { id });
    await call(db, `process_stripe_event('${id}')`);
  }
  await receive(db, { id: "evt_3", customer: "cus_2" });
  await db.query("delete from graphile_worker._private_jobs where key like 'stripe_event:%'");
  await giveUp(db, "stripe_customer:cus_1");
  await call(db, "tend_stripe_events()");
  expect((await keptEvents(db)).map(({ status }) => status)).toEqual([
    "failed",
    "failed",
    "pending",
  ]);
  expect(await openAlarms(db)).toEqual([
    { kind: "stripe_event_failed", subject: "cus_1", times: 1 },
  ]);
  await call(db, "settle_stripe_events('cus_1', nextval('app_private.stripe_sync_seq'), true)");
  expect(await openAlarms(db)).toEqual([]);
});

test("a job that will be tried again fails nothing", async ({ db }) => {
  await receive(db);
  await db.query(
    "update graphile_worker._private_jobs set attempts = max_attempts - 1, last_error = 'No luck'",
  );
  await call(db, "tend_stripe_events()");
  expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
});

test("a job that runs for the last time fails nothing yet", async ({ db }) => {
  await receive(db);
  await giveUp(db, "stripe_event:evt_1");
  await db.query("update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w'");
  await call(db, "tend_stripe_events()");
  expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
});

test("an event that waits for a job which is gone gets another, after ten minutes", async ({
  db,
}) => {
  await receive(db);
  const [job] = await bookedJobs(db);
  await db.query("delete from graphile_worker._private_jobs");
  await call(db, "tend_stripe_events()");
  expect(await bookedJobs(db)).toEqual([]);
  await db.query(
    "update app_private.stripe_events set received_at = received_at - interval '10 minutes 1 second'",
  );
  await call(db, "tend_stripe_events()");
  await call(db, "tend_stripe_events()");
  expect(await bookedJobs(db)).toEqual([job]);
});

test("an event whose customer's sync is booked waits for that", async ({ db }) => {
  await receive(db);
  await call(db, "process_stripe_event('evt_1')");
  await db.query("delete from graphile_worker._private_jobs where key like 'stripe_event:%'");
  await db.query("update app_private.stripe_events set received_at = now() - interval '1 day'");
  const before = await bookedJobs(db);
  await call(db, "tend_stripe_events()");
  expect(await bookedJobs(db)).toEqual(before);
});

test.for(STATUSES.filter((status) => status !== "ignored_mode"))(
  "an event that is %s can be replayed: it waits for its one job again",
  async (status, { db }) => {
    await receive(db);
    const jobs = await bookedJobs(db);
    await become(db, status);
    await call(db, "raise_alarm('stripe_event_failed', 'evt_1', 'Given up')");
    await call(db, "replay_stripe_event('evt_1')");
    expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
    expect(await bookedJobs(db)).toEqual(jobs);
    expect(await openAlarms(db)).toEqual([]);
  },
);

test("a job that is tried again by hand carries a failed event on", async ({ db }) => {
  await receive(db);
  await become(db, "failed");
  await call(db, "process_stripe_event('evt_1')");
  expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
});

test("an event of the other mode is not replayed, nor is one that there is not", async ({ db }) => {
  await receive(db, { livemode: true });
  for (const id of ["evt_1", "evt_unknown"]) {
    expect(await codeOf(undone(db, () => call(db, `replay_stripe_event('${id}')`)))).toBe("INPUT");
  }
  expect(await bookedJobs(db)).toEqual([]);
});

test.for(["pending", "foreign", "failed"])(
  "an event that is %s can be dismissed, and its job and alarms go with it",
  async (status, { db }) => {
    await receive(db);
    await become(db, status);
    await call(db, "raise_alarm('stripe_event_failed', 'evt_1', 'Given up')");
    await call(db, "raise_alarm('stripe_event_failed', 'cus_1', 'Given up')");
    await call(db, "dismiss_stripe_event('evt_1')");
    expect(await keptEvents(db)).toMatchObject([{ status: "dismissed" }]);
    expect([await bookedJobs(db), await openAlarms(db)]).toEqual([[], []]);
  },
);

test("a customer's alarm stays until the last of the failed events is dismissed", async ({
  db,
}) => {
  for (const id of ["evt_1", "evt_2"]) await receive(db, { id });
  await become(db, "failed");
  await call(db, "raise_alarm('stripe_event_failed', 'cus_1', 'Given up')");
  await call(db, "dismiss_stripe_event('evt_1')");
  expect(await openAlarms(db)).toHaveLength(1);
  await call(db, "dismiss_stripe_event('evt_2')");
  expect(await openAlarms(db)).toEqual([]);
});

test.for(["processed", "ignored", "ignored_mode", "dismissed"])(
  "an event that is %s is not dismissed",
  async (status, { db }) => {
    await receive(db);
    await become(db, status);
    expect(await codeOf(undone(db, () => call(db, "dismiss_stripe_event('evt_1')")))).toBe("INPUT");
    expect(await keptEvents(db)).toMatchObject([{ status }]);
  },
);

test.for([
  { age: "46 days", kept: ["pending", "failed"] },
  { age: "44 days", kept: STATUSES },
])("of events of $age ago, those that are $kept are kept", async ({ age, kept }, { db }) => {
  for (const status of STATUSES) {
    await receive(db, { id: `evt_${status}` });
    await db.query("update app_private.stripe_events set status = $1 where id = $2", [
      status,
      `evt_${status}`,
    ]);
  }
  await db.query("update app_private.stripe_events set received_at = now() - $1::interval", [age]);
  await call(db, "prune_stripe_events()");
  expect((await keptEvents(db)).map(({ status }) => status)).toEqual([...kept].toSorted());
});

test.for([
  "tend_stripe_events()",
  "replay_stripe_event('evt_1')",
  "dismiss_stripe_event('evt_1')",
  "prune_stripe_events()",
])("nobody who signs in may %s", async (sql, { db }) => {
  const { alice, acme } = await createCast(db);
  const attempt = asUser(db, { userId: alice, tenantId: acme }, () =>
    db.query(`select app_private.${sql}`),
  );
  expect(await codeOf(attempt)).toBe("42501");
});
