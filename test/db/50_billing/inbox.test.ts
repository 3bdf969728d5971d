import type pg from "pg";

import { asUser, asWorker, createCast, expect, test, withClient } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf, undone } from "../../support/query.ts";

type Received = { id?: string; type?: string; customer?: string | null; livemode?: boolean };

/** As the HTTP process does it: its login, before it becomes anybody. */
async function receive(db: pg.Client, event: Received = {}): Promise<string> {
  const { id = "evt_1", type = "invoice.paid", customer = "cus_1", livemode = false } = event;
  await db.query("set local session authorization rowhouse_server");
  const { status } = await rowOf<{ status: string }>(
    db,
    `select app_private.receive_stripe_event(
      $1, $2, $3, $4, false, '2026-10-28.endive', now(), '{"a": 1}') as status`,
    [id, type, customer, livemode],
  );
  await db.query("reset session authorization");
  return status;
}

function kept(db: pg.Client): Promise<Record<string, unknown>[]> {
  return rowsOf(db, "select id, customer_id, status from app_private.stripe_events order by id");
}

function jobs(db: pg.Client): Promise<Record<string, unknown>[]> {
  return rowsOf(
    db,
    `select identifier as task, payload, key from graphile_worker._private_jobs as jobs
    join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id order by jobs.id`,
  );
}

test("an event and the job for it are there together", async ({ db }) => {
  expect(await receive(db)).toBe("pending");
  expect(await kept(db)).toEqual([{ id: "evt_1", customer_id: "cus_1", status: "pending" }]);
  expect(await jobs(db)).toEqual([
    { task: "stripe_process_event", payload: { event_id: "evt_1" }, key: "stripe_event:evt_1" },
  ]);
});

test("an event delivered again is a duplicate and changes nothing, whatever became of it", async ({
  db,
}) => {
  await receive(db);
  const before = [await kept(db), await jobs(db)];
  expect(await receive(db)).toBe("duplicate");
  expect(await receive(db, { type: "customer.deleted", customer: "cus_2" })).toBe("duplicate");
  expect([await kept(db), await jobs(db)]).toEqual(before);
});

test.for([
  { why: "of another type", event: { type: "product.created" }, status: "ignored" },
  { why: "without a customer", event: { customer: null }, status: "ignored" },
  { why: "of live mode", event: { livemode: true }, status: "ignored_mode" },
])("an event $why is kept and not worked", async ({ event, status }, { db }) => {
  expect(await receive(db, event)).toBe(status);
  expect(await kept(db)).toMatchObject([{ status }]);
  expect(await jobs(db)).toEqual([]);
});

test.for([
  "customer.deleted",
  "customer.subscription.updated",
  "customer.subscription.paused",
  "invoice.paid",
  "invoice.voided",
  "checkout.session.completed",
  "entitlements.active_entitlement_summary.updated",
])("%s may change what a customer has bought", async (type, { db }) => {
  expect(await receive(db, { type })).toBe("pending");
});

test("when the job can't be booked the event is not kept either, and the reverse", async ({
  db,
}) => {
  const refused = undone(db, async () => {
    await db.query("revoke insert on graphile_worker._private_jobs from app_definer");
    await receive(db);
  });
  expect(await codeOf(refused)).toBe("42501");
  expect([await kept(db), await jobs(db)]).toEqual([[], []]);
  expect(await codeOf(undone(db, () => receive(db, { id: "" })))).toBe("23514");
  expect([await kept(db), await jobs(db)]).toEqual([[], []]);
});

test("an event is handed on once, however often it is processed", async ({ db }) => {
  await receive(db);
  await db.query("delete from graphile_worker._private_jobs");
  const processed = () =>
    asWorker(db, () => db.query("select app_private.process_stripe_event('evt_1')"));
  await processed();
  expect(await kept(db)).toMatchObject([{ status: "processed" }]);
  expect(await jobs(db)).toEqual([
    {
      task: "stripe_sync_customer",
      payload: { customer_id: "cus_1" },
      key: "stripe_customer:cus_1",
    },
  ]);
  await db.query("delete from graphile_worker._private_jobs");
  await processed();
  expect(await jobs(db)).toEqual([]);
});

test("a burst of events of one customer is one sync", async ({ db }) => {
  for (const id of ["evt_1", "evt_2", "evt_3"]) await receive(db, { id });
  await db.query("delete from graphile_worker._private_jobs");
  for (const id of ["evt_1", "evt_2", "evt_3"]) {
    await asWorker(db, () => db.query("select app_private.process_stripe_event($1)", [id]));
  }
  expect(await jobs(db)).toHaveLength(1);
});

test("an event that is unknown, ignored or of the other mode is not handed on", async ({ db }) => {
  await receive(db, { id: "evt_live", livemode: true });
  await receive(db, { id: "evt_odd", type: "product.created" });
  for (const id of ["evt_live", "evt_odd", "evt_unknown"]) {
    await asWorker(db, () => db.query("select app_private.process_stripe_event($1)", [id]));
  }
  expect(await jobs(db)).toEqual([]);
});

test("nobody but the HTTP process's login may drop an event", async ({ database, db }) => {
  const { alice, acme } = await createCast(db);
  const sql =
    "select app_private.receive_stripe_event('evt_1', 'invoice.paid', 'cus_1', false, false, '', now(), '{}')";
  const asAlice = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
  expect(await codeOf(asAlice)).toBe("42501");
  expect(await codeOf(asWorker(db, () => db.query(sql)))).toBe("42501");
  const asLogin = withClient(database.urls.worker, (client) => client.query(sql));
  expect(await codeOf(asLogin)).toBe("42501");
});
