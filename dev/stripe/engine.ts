import type { Stripe } from "stripe";

import type { Clock } from "./clock.ts";
import type { Context } from "./context.ts";
import type { Faults } from "./faults.ts";
import type { Store } from "./store.ts";
import type { Webhooks } from "./webhooks.ts";

/** The parts of a running emulator that its HTTP side works with. */
export type Engine = {
  store: Store;
  clock: Clock;
  faults: Faults;
  webhooks: Webhooks;
  /** To be called after every change: it is then written to the state file. */
  touch(): void;
  /** Takes the state back to that of a new emulator. */
  reset(): void;
};

/** The context for work done on behalf of `request`. */
export function contextFor(engine: Engine, request: Stripe.Event.Request): Context {
  const { store, clock, webhooks } = engine;
  return { store, clock, request, publish: (event) => webhooks.publish(event) };
}
