import type { Task } from "graphile-worker";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_tend_events: unknown;
      stripe_prune_events: unknown;
    }
  }
}

/** Ends what waits for a job that was given up or is gone: events, billing requests; by the clock. */
export function stripeTendEvents(): Task<"stripe_tend_events"> {
  return async function run(_payload, { query }) {
    await query("select app_private.tend_stripe_events(), app_private.end_late_billing_requests()");
  };
}

/** Forgets events that are done with and can't come again, and usage long reported; by the clock. */
export function stripePruneEvents(): Task<"stripe_prune_events"> {
  return async function run(_payload, { query }) {
    await query("select app_private.prune_stripe_events(), app_private.prune_meter_events()");
  };
}
