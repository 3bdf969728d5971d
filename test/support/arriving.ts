/** Requests that are held up in the database on purpose, so that they meet each other. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";

import type pg from "pg";

import { waitForLock } from "./locks.ts";
import { withClient, type TestDatabase } from "./server.ts";
import { waitUntil } from "./wait_until.ts";

/** Nothing is written to a table while `work` runs, and then what waits is. */
export async function whileLocked<T>(
  admin: pg.Client,
  table: string,
  work: () => Promise<T>,
): Promise<T> {
  await admin.query(`begin; lock table ${table} in share mode`);
  try {
    return await work();
  } finally {
    await admin.query("commit");
  }
}

/** Sends while a table is locked; resolves when so many requests have arrived, and some are stuck. */
export async function arriving<T>(
  admin: pg.Client,
  count: number,
  sendAll: () => Promise<T>,
): Promise<{ answers: Promise<T> }> {
  let arrived = 0;
  const onArrival = () => void (arrived += 1);
  subscribe("http.server.request.start", onArrival);
  try {
    const answers = sendAll();
    await waitUntil(() => arrived >= count);
    await waitForLock(admin);
    return { answers };
  } finally {
    unsubscribe("http.server.request.start", onArrival);
  }
}

/** Ends the server's connections that wait for a lock, until `work` is over; says how many. */
export function killUntil({ urls }: TestDatabase, work: Promise<unknown>): Promise<number> {
  let killed = 0;
  let isOver = false;
  void work.finally(() => (isOver = true));
  return withClient(urls.superuser, async (killer) => {
    await waitUntil(async () => {
      const { rowCount } = await killer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
        and usename = 'rowhouse_server'`,
      );
      killed += rowCount ?? 0;
      return isOver;
    });
    return killed;
  });
}
