import type pg from "pg";

import { asAnonymous, asUser, asWorker } from "../../support/acting.ts";
import { createCast, expect, test } from "../../support/index.ts";
import { rowOf, rowsOf } from "../../support/query.ts";

/** A job in the queue "q", locked by `worker` since so many seconds. */
async function lockedJob(
  db: pg.Client,
  { worker, seconds, attempts = 1 }: { worker: string; seconds: number; attempts?: number },
): Promise<string> {
  const { id } = await rowOf<{ id: string }>(
    db,
    "select id from graphile_worker.add_job('end_grace_period', '{}', queue_name => 'q')",
  );
  await db.query(
    `update graphile_worker._private_jobs
    set locked_by = $2, locked_at = now() - make_interval(secs => $3), attempts = $4
    where id = $1`,
    [id, worker, seconds, attempts],
  );
  await db.query(
    `update graphile_worker._private_job_queues
    set locked_by = $1, locked_at = now() - make_interval(secs => $2) where queue_name = 'q'`,
    [worker, seconds],
  );
  return id;
}

function beat(db: pg.Client, worker: string, secondsAgo = 0) {
  return db.query(
    `insert into app_private.worker_heartbeats (worker_id, beat_at)
    values ($1, now() - make_interval(secs => $2))`,
    [worker, secondsAgo],
  );
}

async function release(db: pg.Client): Promise<number> {
  const { released } = await asWorker(db, () =>
    rowOf<{ released: number }>(db, "select app_private.release_dead_jobs() as released"),
  );
  return released;
}

/** What the job and its queue are locked by. */
function locks(db: pg.Client, id: string) {
  return rowOf(
    db,
    `select jobs.locked_by as job, queues.locked_by as queue, jobs.is_available, jobs.attempts
    from graphile_worker._private_jobs as jobs
    join graphile_worker._private_job_queues as queues on queues.id = jobs.job_queue_id
    where jobs.id = $1`,
    [id],
  );
}

const FREE = { job: null, queue: null, is_available: true, attempts: 1 };
const HELD = { job: "pool-a", queue: "pool-a", is_available: false, attempts: 1 };

test("the job and the queue of a worker that beats no more are free, the attempt counts", async ({
  db,
}) => {
  await beat(db, "pool-a", 16);
  const id = await lockedJob(db, { worker: "pool-a", seconds: 20 });
  expect(await release(db)).toBe(1);
  expect(await locks(db, id)).toEqual(FREE);
  expect(await rowsOf(db, "select from app_private.worker_heartbeats")).toEqual([]);
});

test("a worker that beats keeps its job for as long as it takes", async ({ db }) => {
  await beat(db, "pool-a", 3);
  const id = await lockedJob(db, { worker: "pool-a", seconds: 3 * 3600 });
  expect(await release(db)).toBe(0);
  expect(await locks(db, id)).toEqual(HELD);
});

test("a worker that nobody knows keeps its job for the limit and no longer", async ({ db }) => {
  const id = await lockedJob(db, { worker: "pool-a", seconds: 14 });
  expect(await release(db)).toBe(0);
  expect(await locks(db, id)).toEqual(HELD);
  await db.query(
    "update graphile_worker._private_jobs set locked_at = locked_at - interval '2 seconds'",
  );
  expect(await release(db)).toBe(1);
});

test("a worker thought dead that beats again is alive again", async ({ db }) => {
  await beat(db, "pool-a", 60);
  await release(db);
  await asWorker(db, () => db.query("select app_private.beat('pool-a')"));
  const id = await lockedJob(db, { worker: "pool-a", seconds: 60 });
  expect(await release(db)).toBe(0);
  expect(await locks(db, id)).toEqual(HELD);
});

test("a stalled worker that completes a job which another has by now leaves no queue locked", async ({
  db,
}) => {
  await beat(db, "pool-b");
  const id = await lockedJob(db, { worker: "pool-b", seconds: 20 });
  // graphile-worker deletes what is complete by its id, whoever has locked it.
  await db.query("delete from graphile_worker._private_jobs where id = $1", [id]);
  await release(db);
  expect(await rowsOf(db, "select locked_by from graphile_worker._private_job_queues")).toEqual([
    { locked_by: null },
  ]);
});

test("a queue that was locked just now is left alone", async ({ db }) => {
  await beat(db, "pool-b");
  const id = await lockedJob(db, { worker: "pool-b", seconds: 5 });
  await db.query("delete from graphile_worker._private_jobs where id = $1", [id]);
  await release(db);
  expect(await rowsOf(db, "select locked_by from graphile_worker._private_job_queues")).toEqual([
    { locked_by: "pool-b" },
  ]);
});

test("a job whose last attempt its worker died in has failed, and an alarm says so", async ({
  db,
}) => {
  await beat(db, "pool-b");
  await lockedJob(db, { worker: "pool-a", seconds: 20, attempts: 25 });
  await asWorker(db, () => db.query("select app_private.tend_queue('pool-b')"));
  expect(
    await rowsOf(
      db,
      `select last_error, app_private.job_has_failed(jobs) as failed
      from graphile_worker._private_jobs as jobs`,
    ),
  ).toEqual([{ last_error: "The worker pool-a died during attempt 25.", failed: true }]);
  expect(await rowsOf(db, "select kind, subject from app_private.alarms")).toEqual([
    { kind: "job_failed", subject: "end_grace_period" },
  ]);
});

test("a job booked anew while it ran, whose worker then died, is neither failed nor alarmed", async ({
  db,
}) => {
  const book = () =>
    rowOf<{ id: string }>(
      db,
      "select id from graphile_worker.add_job('end_grace_period', '{}', job_key => 'once')",
    );
  await beat(db, "pool-b");
  const first = await book();
  await db.query(
    `update graphile_worker._private_jobs set
      created_at = now() - interval '30 seconds', updated_at = now() - interval '30 seconds',
      locked_at = now() - interval '20 seconds', locked_by = 'pool-a', attempts = 1`,
  );
  const second = await book();
  expect(second.id).not.toBe(first.id);
  await asWorker(db, () => db.query("select app_private.tend_queue('pool-b')"));
  expect(await rowsOf(db, "select kind from app_private.alarms")).toEqual([]);
  expect(
    await rowsOf(db, "select id, state, last_error from app_private.list_jobs() order by id"),
  ).toEqual([
    { id: first.id, state: "superseded", last_error: null },
    { id: second.id, state: "waiting", last_error: null },
  ]);
});

test("workers look after the queue in turn", async ({ db }) => {
  await beat(db, "pool-b");
  await beat(db, "pool-c");
  await asWorker(db, () => db.query("select app_private.tend_queue('pool-b')"));
  await lockedJob(db, { worker: "pool-a", seconds: 20 });
  const tend = () =>
    asWorker(db, () => rowOf(db, "select app_private.tend_queue('pool-c') as released"));
  expect(await tend()).toEqual({ released: 0 });
  await db.query(
    "update app_private.worker_heartbeats set tended_at = tended_at - interval '3 seconds'",
  );
  expect(await tend()).toEqual({ released: 1 });
});

test("neither people nor visitors beat, release or see who lives", async ({ db }) => {
  const { alice } = await createCast(db);
  for (const sql of [
    "select app_private.beat('x')",
    "select app_private.release_dead_jobs()",
    "select app_private.tend_queue('x')",
    "select from app_private.worker_heartbeats",
  ]) {
    await expect(asUser(db, { userId: alice }, () => db.query(sql))).rejects.toMatchObject({
      code: "42501",
    });
    await expect(asAnonymous(db, () => db.query(sql))).rejects.toMatchObject({ code: "42501" });
  }
});
