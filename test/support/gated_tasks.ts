/** The tasks as a worker process has them: behind the gate, guarded, before a door of the test's. */
import { Logger, runOnce, type TaskList } from "graphile-worker";
import { pino } from "pino";
import type { Stripe } from "stripe";

import { guardTasks } from "../../tasks/job_guard.ts";
import { makeTaskList } from "../../tasks/index.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { rowsOf } from "./query.ts";
import { openStripeDoor, type StripeDoor } from "./stripe_door.ts";
import { test as base, type Workshop } from "./tasks.ts";
import { waitUntil } from "./wait_until.ts";

export type GatedTasks = {
  door: StripeDoor;
  /** As the tasks have it, through the door. */
  stripe: Stripe;
  /** Runs what is due, once each, by tasks of the test's where it has some; what fails stays so. */
  runDue(instead?: TaskList): Promise<void>;
  /** Makes every job due that waits. */
  makeDue(): Promise<void>;
  /** The jobs there are. */
  jobs(): Promise<JobRow[]>;
};

export type JobRow = {
  id: string;
  task: string;
  attempts: number;
  max_attempts: number;
  last_error: string | null;
};

const silent = pino({ level: "silent" });

/** `test` with `gated`; each test starts with an empty queue, no pause, no alarm and no calls. */
export const test = base.extend<{ gated: GatedTasks }>({
  gated: async ({ workshop }, use) => {
    await using door = await openStripeDoor(workshop.stripeUrl);
    await clear(workshop);
    await use(gatedTasks(workshop, door));
    await clear(workshop);
  },
});

function gatedTasks({ pool, options }: Workshop, door: StripeDoor): GatedTasks {
  const config = {
    secretKey: "sk_test_tasks",
    apiBase: new URL(door.url),
    callsPerSecond: 10_000,
  };
  const stripe = makeStripe(config, { pool, logger: silent });
  const taskList = guardTasks(makeTaskList({ ...options, stripe }));
  const logger = new Logger(() => () => undefined);
  return {
    door,
    stripe,
    async runDue(instead = {}) {
      const tasks = { ...taskList, ...guardTasks(instead) };
      await runOnce({ pgPool: pool, taskList: tasks, logger, noHandleSignals: true });
      // It resolves while the outcome of the last job is still being written.
      await waitUntil(async () => {
        const locked = "select from graphile_worker._private_jobs where locked_at is not null";
        return (await pool.query(locked)).rows.length === 0;
      });
    },
    async makeDue() {
      await pool.query("update graphile_worker._private_jobs set run_at = now()");
      await pool.query("update app_private.stripe_slowdowns set blocked_until = now()");
    },
    jobs: () =>
      rowsOf<JobRow>(
        pool,
        `select jobs.id, identifier as task, attempts, max_attempts, last_error
        from graphile_worker._private_jobs as jobs
        join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
        order by jobs.id`,
      ),
  };
}

async function clear({ pool }: Workshop): Promise<void> {
  await pool.query("delete from graphile_worker._private_jobs");
  await pool.query("select app_private.resume_stripe('an operator')");
  await pool.query("update app_private.alarms set resolved_at = now() where resolved_at is null");
  await pool.query("update app_private.stripe_slowdowns set blocked_until = now(), level = 0");
}
