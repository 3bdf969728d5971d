import type { Task } from "graphile-worker";

import { uuidFrom } from "./payload.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      end_grace_period: { tenant_id: string };
    }
  }
}

/** Suspends a tenant whose grace period is over; booked and cancelled by app_private.apply_billing. */
export function endGracePeriod(): Task<"end_grace_period"> {
  return async function run(payload, { query }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    await query("select app_private.end_grace_period($1)", [tenantId]);
  };
}
