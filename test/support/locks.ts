import type pg from "pg";

import { waitUntil } from "./wait_until.ts";

/** Waits until so many connections of the client's database wait for a lock of another. */
export async function waitForLock(client: pg.ClientBase, count = 1): Promise<void> {
  await waitUntil(
    async () => {
      // Within a transaction of the client's own, the first look would be all it ever sees.
      await client.query("select pg_stat_clear_snapshot()");
      const { rows } = await client.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length >= count;
    },
    { everyMs: 3 },
  );
}
