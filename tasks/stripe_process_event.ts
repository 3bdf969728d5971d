import type { Task } from "graphile-worker";

import { stripeIdFrom } from "./payload.ts";
import { customerOfEvent, type EventReader } from "./stripe_event_customer.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_process_event: { event_id: string };
    }
  }
}

type Row = { object_type: string | null; object_id: string | null; charge_id: string | null };

/**
 * Hands an event to its customer's sync. Nothing is read from the event but whom it is about: what
 * happened is asked of Stripe, later and once, however many events told of it.
 */
export function stripeProcessEvent({
  stripe,
}: {
  stripe: EventReader;
}): Task<"stripe_process_event"> {
  return async function run(payload, { query }) {
    const eventId = stripeIdFrom(payload, "event_id", "evt");
    const { rows } = await query<Row>("select * from app_private.process_stripe_event($1)", [
      eventId,
    ]);
    const [unclear] = rows;
    if (unclear === undefined) return;

    const customer = await customerOfEvent(stripe, {
      eventId,
      objectType: unclear.object_type,
      objectId: unclear.object_id,
      chargeId: unclear.charge_id,
    });
    if (typeof customer === "string") {
      await query("select app_private.hand_over_stripe_event($1, $2)", [eventId, customer]);
      return;
    }
    await query("select app_private.park_stripe_event($1, $2, $3)", [
      eventId,
      customer === null ? "ignored" : "foreign",
      customer === null ? "About no customer" : "About something that our account does not have",
    ]);
  };
}
