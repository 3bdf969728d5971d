import type pg from "pg";

/** As graphile-worker's own notifications, so that its workers know how many of them are wanted. */
const NOTIFY =
  "select pg_notify('jobs:insert', json_build_object('r', random(), 'count', $1::integer)::text)";

/**
 * Tells the workers of jobs that were booked quietly. Not in the transaction that books, since
 * those that notify commit one after another; and once for all that were booked meanwhile.
 */
export function makeWaker(pool: Pick<pg.Pool, "query">): (count: number) => void {
  let booked = 0;
  let isTelling = false;

  async function tell(): Promise<void> {
    isTelling = true;
    while (booked > 0) {
      const count = booked;
      booked = 0;
      // Whatever fails here costs a second: a worker that is not told looks by itself.
      await pool.query(NOTIFY, [count]).catch(() => undefined);
    }
    isTelling = false;
  }

  return function wake(count) {
    booked += count;
    if (!isTelling) void tell();
  };
}
