import type pg from "pg";
import type { Logger } from "pino";

import { repeatedly } from "./repeatedly.ts";

/** app_private.release_dead_jobs takes a worker for dead that missed five of these. */
const BEAT_MS = 3_000;

export type HeartbeatOptions = {
  /** One connection of its own: jobs that hold all others must not make a worker look dead. */
  pool: Pick<pg.Pool, "query">;
  /** What graphile-worker locks jobs with. */
  workerId: string;
  logger: Logger;
};

/** Says that this worker lives, and releases what dead ones hold, until it is stopped. */
export function startHeartbeat({ pool, workerId, logger }: HeartbeatOptions) {
  const beating = repeatedly({ what: "the heartbeat", everyMs: BEAT_MS, logger }, async () => {
    await pool.query("select app_private.beat($1)", [workerId]);
    const { rows } = await pool.query<{ released: number }>(
      "select app_private.tend_queue($1) as released",
      [workerId],
    );
    const released = rows[0]?.released ?? 0;
    if (released > 0) logger.warn({ released }, "released the jobs of a worker that died");
    await pool.query("select app_private.forget_stripe_calls()");
  });
  return {
    async stop(): Promise<void> {
      await beating.stop();
      await pool.query("select app_private.end_worker($1)", [workerId]);
    },
  };
}
