import { hintOf } from "../../../server/stripe_event_hint.ts";
import { keepEvents } from "../../../server/stripe_inbox.ts";
import { asUser, asWorker, createCast, expect, test, withClient } from "../../support/index.ts";
import { bookedJobs, keptEvents, openAlarms, receive } from "../../support/inbox.ts";
import { codeOf, rowOf, rowsOf, undone } from "../../support/query.ts";
import { makeEvent } from "../../support/webhooks.ts";

test("an event and the job for it are there together", async ({ db }) => {
  expect(await receive(db)).toBe("pending");
  expect(await keptEvents(db)).toEqual([{ id: "evt_1", customer_id: "cus_1", status: "pending" }]);
  expect(await bookedJobs(db)).toEqual([
    { task: "stripe_process_event", payload: { event_id: "evt_1" }, key: "stripe_event:evt_1" },
  ]);
});

test("an event delivered again is a duplicate and changes nothing, whatever became of it", async ({
  db,
}) => {
  await receive(db);
  const before = [await keptEvents(db), await bookedJobs(db)];
  expect(await receive(db)).toBe("duplicate");
  expect(await receive(db, { type: "customer.deleted", customer: "cus_2" })).toBe("duplicate");
  expect(await receive(db, { livemode: true })).toBe("duplicate");
  expect([await keptEvents(db), await bookedJobs(db), await openAlarms(db)]).toEqual([
    ...before,
    [],
  ]);
});

test.for([
  { why: "of a type that nothing is done about", event: { type: "a.new.one" }, status: "ignored" },
  { why: "of live mode", event: { livemode: true }, status: "ignored_mode" },
  { why: "of a connected account", event: { account: "acct_1" }, status: "foreign" },
  {
    why: "of another account than the one we are",
    event: { account: "acct_1", ourAccount: "acct_2" },
    status: "foreign",
  },
])("an event $why is kept, with the reason, and not worked", async ({ event, status }, { db }) => {
  expect(await receive(db, event)).toBe(status);
  expect(
    await rowOf(
      db,
      "select status, reason is not null as has_reason from app_private.stripe_events",
    ),
  ).toEqual({ status, has_reason: true });
  expect(await bookedJobs(db)).toEqual([]);
});

test.for([
  { why: "of our own account", event: { account: "acct_2", ourAccount: "acct_2" } },
  { why: "that names no account, though we are one of several", event: { ourAccount: "acct_2" } },
  { why: "whose customer is not named", event: { customer: null } },
])("an event $why is worked", async ({ event }, { db }) => {
  expect(await receive(db, event)).toBe("pending");
  expect(await bookedJobs(db)).toHaveLength(1);
});

test("events of the other mode raise one alarm", async ({ db }) => {
  await receive(db, { id: "evt_1", livemode: true });
  await receive(db, { id: "evt_2", livemode: true });
  expect(await openAlarms(db)).toEqual([
    { kind: "stripe_mode_mismatch", subject: "live", times: 2 },
  ]);
});

test("of events that come together each is kept for itself, and what comes twice is a duplicate", async ({
  db,
}) => {
  const thin = { object: "v2.core.event", created: new Date().toISOString(), livemode: false };
  const events = [
    makeEvent({ id: "evt_b", data: { object: { object: "invoice", customer: "cus_b" } } }),
    makeEvent({ id: "evt_a", type: "a.new.one" }),
    { ...thin, id: "evt_thin", type: "v1.invoice.paid", snapshot_event: "evt_b" },
    makeEvent({ id: "evt_c", livemode: true }),
    makeEvent({ id: "evt_a" }),
  ];
  const received = events.map((event) => {
    const hint = hintOf(event);
    if (hint === undefined) throw new Error("Not an event");
    return { hint, payload: JSON.stringify(event) };
  });
  await db.query("set local session authorization rowhouse_server");
  const ours = { livemode: false, accountId: undefined };
  const said = await keepEvents(db, received, ours);
  const saidAgain = await keepEvents(db, received, ours);
  await db.query("reset session authorization");
  expect(said).toEqual(["pending", "ignored", "duplicate", "ignored_mode", "duplicate"]);
  expect(saidAgain).toEqual(events.map(() => "duplicate"));
  // The one that came first is the one that is kept.
  expect(
    await rowsOf(
      db,
      "select id, customer_id, status, payload from app_private.stripe_events order by id",
    ),
  ).toEqual([
    { id: "evt_a", customer_id: "cus_nobody", status: "ignored", payload: events[1] },
    { id: "evt_b", customer_id: "cus_b", status: "pending", payload: events[0] },
    { id: "evt_c", customer_id: "cus_nobody", status: "ignored_mode", payload: events[3] },
  ]);
  expect(await bookedJobs(db)).toEqual([
    { task: "stripe_process_event", payload: { event_id: "evt_b" }, key: "stripe_event:evt_b" },
  ]);
  expect(await openAlarms(db)).toEqual([
    { kind: "stripe_mode_mismatch", subject: "live", times: 1 },
  ]);
});

test("a job that is there already under an event's key does not keep others from being booked", async ({
  db,
}) => {
  await receive(db, { id: "evt_2" });
  await db.query("delete from app_private.stripe_events");
  await db.query("select app_private.book_event_jobs('{evt_1,evt_2,evt_3}')");
  const keys = (await bookedJobs(db)).map(({ key }) => key);
  expect(new Set(keys)).toEqual(
    new Set(["stripe_event:evt_1", "stripe_event:evt_2", "stripe_event:evt_3"]),
  );
  expect(keys).toHaveLength(3);
});

test("when the job can't be booked the event is not kept either, and the reverse", async ({
  db,
}) => {
  const refused = undone(db, async () => {
    await db.query("revoke insert on graphile_worker._private_jobs from app_definer");
    await receive(db);
  });
  expect(await codeOf(refused)).toBe("42501");
  expect([await keptEvents(db), await bookedJobs(db)]).toEqual([[], []]);
  expect(await codeOf(undone(db, () => receive(db, { id: "" })))).toBe("23514");
  expect([await keptEvents(db), await bookedJobs(db)]).toEqual([[], []]);
});

test("the job is as the queue's own function makes it, also before there is any of its kind", async ({
  db,
}) => {
  const jobs = () =>
    rowsOf(
      db,
      `select
        task_id, payload::text, key, job_queue_id, priority, max_attempts, attempts, flags,
        is_available, run_at <= now() as is_due, last_error, locked_by, revision
      from graphile_worker._private_jobs`,
    );
  await receive(db, { id: "evt_1" });
  await db.query("delete from graphile_worker._private_jobs");
  await receive(db, { id: "evt_2" });
  const ours = await jobs();
  await db.query("delete from graphile_worker._private_jobs");
  await db.query(`select graphile_worker.add_job(
    'stripe_process_event', json_build_object('event_id', 'evt_2'), job_key => 'stripe_event:evt_2')`);
  expect(ours).toEqual(await jobs());

  await db.query("delete from graphile_worker._private_jobs");
  await db.query("delete from graphile_worker._private_tasks");
  await receive(db, { id: "evt_3" });
  expect(await bookedJobs(db)).toMatchObject([{ key: "stripe_event:evt_3" }]);
});

test("each event has a higher number than any sync that began before it came", async ({ db }) => {
  const { before } = await rowOf<{ before: string }>(
    db,
    "select nextval('app_private.stripe_sync_seq') as before",
  );
  await receive(db);
  const { received_seq } = await rowOf<{ received_seq: string }>(
    db,
    "select received_seq from app_private.stripe_events",
  );
  expect(Number(received_seq)).toBeGreaterThan(Number(before));
});

test("nobody but the HTTP process's login and the tasks may drop an event", async ({
  database,
  db,
}) => {
  const { alice, acme } = await createCast(db);
  const sql = `select app_private.receive_stripe_events(
    null, false, array['evt_1'], array['invoice.paid'], array[null], array[null], array['cus_1'],
    array[null], array[false], array[''], array[0], array['{}'::json])`;
  const asAlice = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
  expect(await codeOf(asAlice)).toBe("42501");
  expect(await codeOf(asWorker(db, () => db.query(sql)))).toBe("done");
  const asLogin = withClient(database.urls.worker, (client) => client.query(sql));
  expect(await codeOf(asLogin)).toBe("42501");
});

test("S25: nobody who signs in reads the inbox", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  const read = () => db.query("select from app_private.stripe_events");
  expect(await codeOf(asUser(db, { userId: alice, tenantId: acme }, read))).toBe("42501");
});
