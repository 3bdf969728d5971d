import type pg from "pg";

import { asWorker, expect, test } from "../../support/index.ts";
import { bookedJobs, keptEvents, openAlarms, receive } from "../../support/inbox.ts";
import { rowOf, rowsOf } from "../../support/query.ts";

const SYNC = {
  task: "stripe_sync_customer",
  payload: { customer_id: "cus_1" },
  key: "stripe_customer:cus_1",
};

function process(db: pg.Client, id = "evt_1"): Promise<Record<string, unknown>[]> {
  return asWorker(db, () => rowsOf(db, "select * from app_private.process_stripe_event($1)", [id]));
}

/** What a sync says when it is done; its number is newer than all that came, unless it is given. */
async function settle(db: pg.Client, isOurs: boolean, seq?: string): Promise<void> {
  await asWorker(db, async () => {
    await db.query(
      `select app_private.settle_stripe_events(
        'cus_1', coalesce($1::bigint, nextval('app_private.stripe_sync_seq')), $2)`,
      [seq ?? null, isOurs],
    );
  });
}

async function nextSeq(db: pg.Client): Promise<string> {
  const { seq } = await rowOf<{ seq: string }>(
    db,
    "select nextval('app_private.stripe_sync_seq') as seq",
  );
  return seq;
}

function forgetJobs(db: pg.Client): Promise<unknown> {
  return db.query("delete from graphile_worker._private_jobs");
}

function age(db: pg.Client, interval: string): Promise<unknown> {
  return db.query("update app_private.stripe_events set received_at = received_at - $1::interval", [
    interval,
  ]);
}

test("an event is processed when its customer's sync has seen what it told of", async ({ db }) => {
  await receive(db);
  await process(db);
  expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
  await settle(db, true);
  expect(await keptEvents(db)).toMatchObject([{ status: "processed" }]);
});

test("a sync that began before an event came says nothing of it", async ({ db }) => {
  const before = await nextSeq(db);
  await receive(db);
  await process(db);
  await settle(db, true, before);
  expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
});

test("a sync says nothing of another customer's events, nor of what is done with", async ({
  db,
}) => {
  await receive(db, { id: "evt_1", customer: "cus_2" });
  await receive(db, { id: "evt_2", type: "a.new.one" });
  await receive(db, { id: "evt_3", livemode: true });
  await settle(db, true);
  expect((await keptEvents(db)).map(({ status }) => status)).toEqual([
    "pending",
    "ignored",
    "ignored_mode",
  ]);
});

test("a burst of events of one customer is one sync, which settles them all", async ({ db }) => {
  const ids = ["evt_1", "evt_2", "evt_3"];
  for (const id of ids) await receive(db, { id });
  await forgetJobs(db);
  for (const id of ids) await process(db, id);
  expect(await bookedJobs(db)).toEqual([SYNC]);
  await settle(db, true);
  expect(new Set((await keptEvents(db)).map(({ status }) => status))).toEqual(
    new Set(["processed"]),
  );
});

test.for(["processed", "ignored", "ignored_mode", "foreign", "dismissed"])(
  "an event that is %s is not processed again by a job that comes late",
  async (status, { db }) => {
    await receive(db);
    await forgetJobs(db);
    await db.query("update app_private.stripe_events set status = $1", [status]);
    expect(await process(db)).toEqual([]);
    expect([await bookedJobs(db), await keptEvents(db)]).toMatchObject([[], [{ status }]]);
  },
);

test("an event whose customer's sync has yet to begin needs no other", async ({ db }) => {
  await receive(db);
  await process(db);
  const revision = () =>
    rowOf(db, "select revision from graphile_worker._private_jobs where key = $1", [SYNC.key]);
  const before = await revision();
  await process(db);
  expect(await revision()).toEqual(before);
});

test.for([
  ["runs already", "locked_at = now(), locked_by = 'worker'"],
  ["failed and will be tried again", "attempts = 3"],
  ["is to come later", "run_at = now() + interval '1 minute'"],
] as const)(
  "an event whose customer's sync %s gets another, at once",
  async ([, change], { db }) => {
    await receive(db);
    await process(db);
    await db.query(`update graphile_worker._private_jobs set ${change} where key = $1`, [SYNC.key]);
    await process(db);
    expect(
      await rowOf(
        db,
        `select attempts, run_at <= now() as is_due, locked_at is null as is_free
      from graphile_worker._private_jobs where key = $1`,
        [SYNC.key],
      ),
    ).toEqual({ attempts: 0, is_due: true, is_free: true });
  },
);

test("an event that is unknown books nothing", async ({ db }) => {
  expect(await process(db, "evt_unknown")).toEqual([]);
  expect(await bookedJobs(db)).toEqual([]);
});

test("an event that names no customer leaves what to ask Stripe for, and changes nothing", async ({
  db,
}) => {
  await receive(db, {
    customer: null,
    objectType: "dispute",
    objectId: "du_1",
    payload: '{"data": {"object": {"charge": "ch_1"}}}',
  });
  await forgetJobs(db);
  expect(await process(db)).toEqual([
    { object_type: "dispute", object_id: "du_1", charge_id: "ch_1" },
  ]);
  expect([await bookedJobs(db), await keptEvents(db)]).toMatchObject([[], [{ status: "pending" }]]);
});

test("whom it is about is noted together with the sync", async ({ db }) => {
  await receive(db, { customer: null });
  await forgetJobs(db);
  const handOver = "select app_private.hand_over_stripe_event('evt_1', 'cus_1')";
  await asWorker(db, () => db.query(handOver));
  expect(await keptEvents(db)).toEqual([{ id: "evt_1", customer_id: "cus_1", status: "pending" }]);
  expect(await bookedJobs(db)).toEqual([SYNC]);
});

test("an event about no customer is parked, once", async ({ db }) => {
  await receive(db, { customer: null });
  const park = (status: string) =>
    asWorker(db, () =>
      db.query("select app_private.park_stripe_event('evt_1', $1, 'About nobody')", [status]),
    );
  await park("ignored");
  await park("foreign");
  expect(await rowOf(db, "select status, reason from app_private.stripe_events")).toEqual({
    status: "ignored",
    reason: "About nobody",
  });
});

test("a customer that no tenant has is looked for again, each time twice as late, and no longer than five minutes", async ({
  db,
}) => {
  await receive(db);
  const waits: number[] = [];
  for (let looks = 0; looks < 20; looks += 1) {
    await forgetJobs(db);
    await settle(db, false);
    if ((await keptEvents(db))[0]?.status === "foreign") break;
    const { wait } = await rowOf<{ wait: number }>(
      db,
      `select extract(epoch from run_at - now())::double precision as wait
      from graphile_worker._private_jobs`,
    );
    waits.push(wait);
    await age(db, `${wait} seconds`);
  }
  expect(waits).toEqual([2, 2, 4, 8, 16, 32, 64, 128, 256]);
  expect(await bookedJobs(db)).toEqual([]);
});

test("another event of a customer who was foreign is checked once", async ({ db }) => {
  await receive(db, { id: "evt_1" });
  await age(db, "5 minutes");
  await settle(db, false);
  await receive(db, { id: "evt_2" });
  await forgetJobs(db);
  await settle(db, false);
  expect((await keptEvents(db)).map(({ status }) => status)).toEqual(["foreign", "foreign"]);
  expect(await bookedJobs(db)).toEqual([]);
});

test("a customer who was foreign and became a tenant's has all events processed", async ({
  db,
}) => {
  await receive(db);
  await age(db, "5 minutes");
  await settle(db, false);
  await settle(db, true);
  expect(await rowOf(db, "select status, reason from app_private.stripe_events")).toEqual({
    status: "processed",
    reason: null,
  });
});

test("looking for a customer again puts off no sync that is due", async ({ db }) => {
  await receive(db);
  await process(db);
  await settle(db, false);
  expect(
    await rowOf(
      db,
      `select run_at <= now() as is_due from graphile_worker._private_jobs where key = $1`,
      [SYNC.key],
    ),
  ).toEqual({ is_due: true });
});

test("of a customer without events nothing is booked", async ({ db }) => {
  await settle(db, false);
  expect(await bookedJobs(db)).toEqual([]);
});

test.for(["charge.dispute.created", "radar.early_fraud_warning.created"])(
  "%s alarms once it is known to be about a tenant's customer, and only then",
  async (type, { db }) => {
    await receive(db, { type, objectId: "du_1" });
    await process(db);
    expect(await openAlarms(db)).toEqual([]);
    await settle(db, true);
    await settle(db, true);
    expect(await openAlarms(db)).toEqual([{ kind: "payment_disputed", subject: "du_1", times: 1 }]);
  },
);

test("a dispute of somebody else's customer is no matter of ours", async ({ db }) => {
  await receive(db, { type: "charge.dispute.created", objectId: "du_1" });
  await age(db, "5 minutes");
  await settle(db, false);
  expect(await openAlarms(db)).toEqual([]);
});
