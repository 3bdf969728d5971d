import type { Task } from "graphile-worker";

import { stripeIdFrom, uuidFrom } from "./payload.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      tell_of_drift: { customer_id: string; check_id: string };
    }
  }
}

/** Raises the alarm about a customer that differed from Stripe, unless its event has come since. */
export function tellOfDrift(): Task<"tell_of_drift"> {
  return async function run(payload, { query }) {
    const customerId = stripeIdFrom(payload, "customer_id", "cus");
    const checkId = uuidFrom(payload, "check_id");
    await query("select app_private.tell_of_drift($1, $2)", [customerId, checkId]);
  };
}
