/** The worker's part by hand. */
import { Logger, runOnce, type TaskList } from "graphile-worker";
import type pg from "pg";

import { rowsOf } from "./query.ts";
import { withClient, type TestDatabase } from "./server.ts";
import { waitUntil } from "./wait_until.ts";

const silent = new Logger(() => () => undefined);

/** Runs what is due; what failed, again and at once, until nothing will be tried again. */
export async function runJobs(
  database: TestDatabase,
  pool: pg.Pool,
  taskList: TaskList,
  { tries = 8 }: { tries?: number } = {},
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await runOnce({ pgPool: pool, taskList, logger: silent, noHandleSignals: true });
    // It resolves while the outcome of the last job is still being written.
    await waitUntil(async () => {
      const locked = "select from graphile_worker._private_jobs where locked_at is not null";
      return (await pool.query(locked)).rows.length === 0;
    });
    const failed = await withClient(database.urls.superuser, (client) =>
      rowsOf(
        client,
        `update graphile_worker._private_jobs set run_at = now()
        where last_error is not null and locked_at is null and attempts < max_attempts
        returning last_error`,
      ),
    );
    // A job whose queue was at work is passed over.
    const due = "select from graphile_worker._private_jobs where run_at <= now()";
    if (failed.length === 0 && (await pool.query(due)).rows.length === 0) return;
    const [failure = { last_error: "Jobs are still due" }] = failed;
    if (attempt === tries) throw new Error(String(failure["last_error"]));
  }
}
