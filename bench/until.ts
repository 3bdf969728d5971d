import { setTimeout as delay } from "node:timers/promises";

import type pg from "pg";

const LOOK_MS = 50;
const PATIENCE_MS = 20 * 60_000;

/** That no event waits for anything. */
export const NOTHING_PENDING = `
  select not exists (
    select from app_private.stripe_events where status in ('pending', 'failed', 'foreign')
  ) as holds`;

/** Asks a question with one answer, `holds`, until it does; milliseconds since `startedAt`. */
export async function until(
  client: pg.Client,
  question: string,
  startedAt: number,
): Promise<number> {
  while (performance.now() - startedAt < PATIENCE_MS) {
    const { rows } = await client.query<{ holds: boolean }>(question);
    if (rows[0]?.holds === true) return performance.now() - startedAt;
    await delay(LOOK_MS);
  }
  throw new Error(`Still not so: ${question}`);
}
