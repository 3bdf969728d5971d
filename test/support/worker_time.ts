import type pg from "pg";

import { rowsOf } from "./query.ts";
import { waitUntil } from "./wait_until.ts";

type Client = Pick<pg.Client, "query">;

/** Makes everything a minute older that says when a worker last did something. */
export async function passMinute(client: Client): Promise<void> {
  await client.query(
    `update app_private.worker_heartbeats set
      beat_at = beat_at - interval '1 minute',
      tended_at = tended_at - interval '1 minute'`,
  );
  for (const table of ["_private_jobs", "_private_job_queues"]) {
    // oxlint-disable-next-line no-await-in-loop -- one connection.
    await client.query(
      `update graphile_worker.${table} set locked_at = locked_at - interval '1 minute'`,
    );
  }
}

/** Waits until nothing of a dead worker is still to come, and then for a minute, at once. */
export async function outliveWorker(client: Client, applicationName: string): Promise<void> {
  await waitUntil(async () => {
    const connections = await rowsOf(
      client,
      `select from pg_stat_activity
      where datname = current_database() and application_name like $1 || '%'`,
      [applicationName],
    );
    return connections.length === 0;
  });
  await passMinute(client);
}
