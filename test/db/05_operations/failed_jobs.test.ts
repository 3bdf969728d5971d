import type pg from "pg";

import { asWorker } from "../../support/acting.ts";
import { expect, test } from "../../support/index.ts";
import { rowOf, rowsOf } from "../../support/query.ts";

const TENANT = "00000000-0000-7000-8000-000000000000";

async function addJob(db: pg.Client, key: string | null = null): Promise<string> {
  const { id } = await rowOf<{ id: string }>(
    db,
    "select id from graphile_worker.add_job('end_grace_period', $1, job_key => $2)",
    [JSON.stringify({ tenant_id: TENANT }), key],
  );
  return id;
}

function fail(db: pg.Client, id: string) {
  return db.query(
    `update graphile_worker._private_jobs
    set attempts = max_attempts, last_error = 'No', locked_at = null, locked_by = null
    where id = $1`,
    [id],
  );
}

function tend(db: pg.Client) {
  return asWorker(db, () => db.query("select app_private.alarm_of_failed_jobs()"));
}

function alarms(db: pg.Client) {
  return rowsOf(
    db,
    `select subject, times, (details ->> 'count')::integer as count, resolved_at is null as open
    from app_private.alarms where kind = 'job_failed'`,
  );
}

async function states(db: pg.Client): Promise<Record<string, string>> {
  const rows = await rowsOf<{ id: string; state: string }>(
    db,
    "select id, state from app_private.list_jobs()",
  );
  return Object.fromEntries(rows.map(({ id, state }) => [id, state]));
}

async function outcome(db: pg.Client, what: string, id: string): Promise<string> {
  const row = await rowOf<{ outcome: string }>(db, `select app_private.${what}($1) as outcome`, [
    id,
  ]);
  return row.outcome;
}

test("failed jobs of a task are one alarm, raised again when there are more, closed when there is none", async ({
  db,
}) => {
  const [one, two] = [await addJob(db), await addJob(db)];
  await tend(db);
  expect(await alarms(db)).toEqual([]);

  await fail(db, one);
  await tend(db);
  await tend(db);
  const subject = "end_grace_period";
  expect(await alarms(db)).toEqual([{ subject, times: 1, count: 1, open: true }]);
  await fail(db, two);
  await tend(db);
  expect(await alarms(db)).toEqual([{ subject, times: 2, count: 2, open: true }]);

  expect(await outcome(db, "retry_job", one)).toBe("retried");
  expect(await outcome(db, "dismiss_job", two)).toBe("dismissed");
  await tend(db);
  expect(await alarms(db)).toEqual([{ subject, times: 2, count: 2, open: false }]);
});

test("an alarm that is closed although its jobs still stand failed is raised anew", async ({
  db,
}) => {
  await fail(db, await addJob(db));
  await tend(db);
  const { id } = await rowOf<{ id: string }>(db, "select id from app_private.alarms");
  expect(await outcome(db, "dismiss_alarm", id)).toBe("resolved");
  await tend(db);
  const open = (await alarms(db)).filter((alarm) => alarm["open"]);
  expect([open.length, (await alarms(db)).length]).toEqual([1, 2]);
});

test("a job that was booked anew while it ran and then failed is no failed job, and goes away", async ({
  db,
}) => {
  const first = await addJob(db, "key");
  await db.query(
    `update graphile_worker._private_jobs
    set locked_at = now(), locked_by = 'pool-a', created_at = now() - interval '1 second'`,
  );
  const second = await addJob(db, "key");
  expect(second).not.toBe(first);
  await fail(db, first);
  await tend(db);
  expect(await alarms(db)).toEqual([]);
  expect(await states(db)).toEqual({ [first]: "superseded", [second]: "waiting" });
  expect(await outcome(db, "retry_job", first)).toBe("superseded");

  await db.query(
    `update graphile_worker._private_jobs
    set updated_at = updated_at - interval '25 hours', created_at = created_at - interval '25 hours'
    where id = $1`,
    [first],
  );
  await tend(db);
  expect(await states(db)).toEqual({ [second]: "waiting" });
});

test("a job without a key that failed its last attempt is kept for ever", async ({ db }) => {
  const id = await addJob(db);
  await fail(db, id);
  await db.query(
    `update graphile_worker._private_jobs
    set updated_at = updated_at - interval '1 year', created_at = created_at - interval '1 year'`,
  );
  await tend(db);
  expect(await states(db)).toEqual({ [id]: "failed" });
});

test("each job is listed as what it is, what needs an operator first", async ({ db }) => {
  const change = async (what: string) => {
    const id = await addJob(db);
    await db.query(`update graphile_worker._private_jobs set ${what} where id = $1`, [id]);
  };
  await change("run_at = now() + interval '1 hour'");
  await change("locked_at = now(), locked_by = 'pool-a'");
  await change("attempts = 1, last_error = 'No'");
  await change("last_error = 'Stripe work is paused, because'");
  await change("locked_at = now() - interval '11 minutes', locked_by = 'pool-a'");
  await change("run_at = now() - interval '11 minutes'");
  await change("attempts = max_attempts, last_error = 'No'");
  const rows = await rowsOf<{ state: string }>(db, "select state from app_private.list_jobs()");
  expect(rows.map(({ state }) => state)).toEqual([
    "failed",
    "stuck",
    "stuck",
    "paused",
    "retrying",
    "running",
    "waiting",
  ]);
});

test("an attempt that only waited does not count, also the last one", async ({ db }) => {
  const id = await addJob(db);
  await db.query(
    `update graphile_worker._private_jobs
    set attempts = max_attempts, locked_at = now(), locked_by = 'pool-a'`,
  );
  await asWorker(db, () => db.query("select app_private.postpone_job($1, 60)", [id]));
  expect(
    await rowsOf(
      db,
      `select attempts, run_at = now() + interval '1 minute' as in_a_minute
      from graphile_worker._private_jobs`,
    ),
  ).toEqual([{ attempts: 24, in_a_minute: true }]);
});

test("tasks may not do what an operator may", async ({ db }) => {
  for (const sql of [
    "select app_private.retry_job(1)",
    "select app_private.dismiss_job(1)",
    "select app_private.list_jobs()",
    "select app_private.dismiss_alarm(uuidv7())",
  ]) {
    await expect(asWorker(db, () => db.query(sql))).rejects.toMatchObject({ code: "42501" });
  }
});
