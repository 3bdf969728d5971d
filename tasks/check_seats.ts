import type { Task } from "graphile-worker";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      /** Takes nothing: it looks at all tenants. */
      check_seats: object;
    }
  }
}

/** Books a change wherever Stripe charges for another number of members than there are. */
export function checkSeats(): Task<"check_seats"> {
  return async function run(_payload, { query, logger }) {
    const { rows } = await query<{ count: string }>(
      "select app_private.request_drifted_seats() as count",
    );
    const count = Number(rows[0]?.count ?? 0);
    if (count > 0) logger.warn(`${count} tenants were charged for another number of members`);
  };
}
