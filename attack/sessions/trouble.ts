/** Cancels statements and kills connections from the side, while others are at work on them. */
import pg from "pg";

import type { Random } from "./random.ts";

export type Trouble = {
  /** Stops, and says how often it struck. */
  stop(): Promise<{ cancelled: number; killed: number }>;
};

const EVERY_MS = 12;
/** Of a hundred strikes, so many kill the connection; the others cancel its statement. */
const KILLS = 25;

/** Strikes at random backends of this application, with the same login as theirs. */
export async function makeTrouble(
  databaseUrl: string,
  applicationName: string,
  random: Random,
): Promise<Trouble> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on("error", () => {});
  await client.connect();
  const struck = { cancelled: 0, killed: 0 };
  const over = new AbortController();

  async function strike(): Promise<void> {
    const isKill = random.below(100) < KILLS;
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_catalog.pg_stat_activity
      where application_name = $1 and datname = pg_catalog.current_database()
      and (state = 'active' or $2) order by pid`,
      [applicationName, isKill],
    );
    if (rows.length === 0) return;
    const { pid } = random.of(rows);
    const how = isKill ? "pg_terminate_backend" : "pg_cancel_backend";
    const done = await client.query<{ done: boolean }>(`select pg_catalog.${how}($1) as done`, [
      pid,
    ]);
    if (done.rows[0]?.done === true) struck[isKill ? "killed" : "cancelled"] += 1;
  }

  async function goOn(): Promise<void> {
    while (!over.signal.aborted) {
      await strike();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  const going = goOn();
  // Its failure is told when it is stopped; until then it must not count as unhandled.
  going.catch(() => undefined);
  return {
    async stop() {
      over.abort();
      try {
        await going;
        return struck;
      } finally {
        await client.end();
      }
    },
  };
}
