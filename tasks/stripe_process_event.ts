import type { Task } from "graphile-worker";

import { stripeIdFrom } from "./payload.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_process_event: { event_id: string };
    }
  }
}

/**
 * Hands an event to its customer's sync. Nothing is read from the event but whom it is about: what
 * happened is asked of Stripe, later and once, however many events told of it.
 */
export function stripeProcessEvent(): Task<"stripe_process_event"> {
  return async function run(payload, { query }) {
    const eventId = stripeIdFrom(payload, "event_id", "evt");
    await query("select app_private.process_stripe_event($1)", [eventId]);
  };
}
