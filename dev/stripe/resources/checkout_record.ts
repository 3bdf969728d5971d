import type { Stripe } from "stripe";

import * as p from "../params.ts";
import type { Store } from "../store.ts";
import { billingMode, trialSettings } from "./subscription_create.ts";

/** What the subscription that a session sells is to be like. */
export const subscriptionData = p.shape(
  {},
  {
    billing_mode: billingMode,
    description: p.text,
    metadata: p.metadata,
    trial_end: p.integer,
    trial_period_days: p.integer,
    trial_settings: trialSettings,
  },
);

/** What the emulator knows of a checkout beyond its session. */
export type Checkout = {
  /** The session's. */
  id: string;
  lines: Stripe.LineItem[];
  /** What is taken off it, as the subscription will be told. */
  discounts?: { coupon?: string; promotion_code?: string }[];
  data: ReturnType<typeof subscriptionData>;
  /** Made at the first attempt to pay, and used again at the next. */
  customer?: string;
  subscription?: string;
  setupIntent?: string;
};

/** What a session sells, in the order it was given. */
export function linesOf(store: Store, session: string): Stripe.LineItem[] {
  return store.checkouts.get(session)?.lines ?? [];
}
