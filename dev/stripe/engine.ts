import type { Stripe } from "stripe";

import type { Chaos } from "./chaos.ts";
import type { Clock } from "./clock.ts";
import { NO_REQUEST } from "./context.ts";
import type { Context } from "./context.ts";
import type { Faults } from "./faults.ts";
import type { Observer } from "./observer.ts";
import type { RateLimits } from "./rate_limits.ts";
import { copy, newId } from "./store.ts";
import type { Store, StoredEvent } from "./store.ts";
import type { Webhooks } from "./webhooks.ts";

/** The parts of a running emulator that its HTTP side works with. */
export type Engine = {
  store: Store;
  clock: Clock;
  faults: Faults;
  webhooks: Webhooks;
  chaos: Chaos;
  rateLimits: RateLimits;
  /** Tells the person who runs the emulator. */
  log(line: string): void;
  observer: Observer | undefined;
  /** The URL people reach the emulator by; empty until it listens. */
  site: string;
  /** To be called after every change: it is then written to the state file. */
  touch(): void;
  /** Takes the state back to that of a new emulator. */
  reset(): void;
};

/** The context for work done on behalf of `request`. */
export function contextFor(engine: Engine, request: Stripe.Event.Request): Context {
  const { store, clock, webhooks, observer, site } = engine;

  function publish(event: StoredEvent, atMs: number): void {
    observer?.published(event);
    webhooks.publish({ event, atMs });
  }

  /** Stripe says that there may be two event objects for one change. */
  function publishPerhapsTwice(event: StoredEvent): void {
    // What happens on the clock's way ahead is stamped with a time that has yet to come.
    const atMs = Math.max(clock.nowMs(), event.created * 1000);
    event.created = engine.chaos.secondOf(event.created);
    publish(event, atMs);
    if (!engine.chaos.nextIsTwin()) return;
    const twin = { ...copy(event), id: newId("evt"), pending_webhooks: 0 };
    store.events.set(twin.id, twin);
    publish(twin, atMs);
  }

  function later(work: (context: Context) => void): void {
    setImmediate(() => {
      work(contextFor(engine, NO_REQUEST));
      engine.touch();
    });
  }

  return { store, clock, account: clock, request, site, publish: publishPerhapsTwice, later };
}
