import type { Task } from "graphile-worker";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_tend_events: unknown;
      stripe_prune_events: unknown;
    }
  }
}

/** Says of events whose jobs were given up that they failed; runs by the clock. */
export function stripeTendEvents(): Task<"stripe_tend_events"> {
  return async function run(_payload, { query }) {
    await query("select app_private.tend_stripe_events()");
  };
}

/** Forgets events that are done with and can't come again; runs by the clock. */
export function stripePruneEvents(): Task<"stripe_prune_events"> {
  return async function run(_payload, { query }) {
    await query("select app_private.prune_stripe_events()");
  };
}
