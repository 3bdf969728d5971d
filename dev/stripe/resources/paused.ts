import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change, emit } from "../events.ts";

type Reason = "final_payment_failure" | "pause_requested" | "trial_end_without_payment_method";

/** Brings a subscription to `paused`: no invoices are made and no period begins until it resumes. */
export function pauseNow(
  context: Context,
  subscription: Stripe.Subscription,
  reason: Reason,
): void {
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.status = "paused";
    subscription.status_details = {
      paused: {
        subscription: { type: reason },
        transitioned_at: context.clock.now(),
        type: "subscription",
      },
    };
  });
  emit(context, "customer.subscription.paused", subscription);
}
