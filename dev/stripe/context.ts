import type { Stripe } from "stripe";

import type { Clock } from "./clock.ts";
import type { Store, StoredEvent } from "./store.ts";

/** What a handler works with: the state, the time, and on whose behalf events are made. */
export type Context = {
  store: Store;
  /** The time of the objects worked on: their test clock's, if they are on one. */
  clock: Pick<Clock, "now">;
  /** The time of the account, which events are stamped with. */
  account: Pick<Clock, "now">;
  /** The API request that causes this work; null ids when the clock does. */
  request: Stripe.Event.Request;
  /** Where people reach the emulator: the hosted pages are under it. */
  site: string;
  /** Hands a stored event to the webhooks; never waits. */
  publish(event: StoredEvent): void;
  /** Has work done after the answer has gone out. */
  later(work: (context: Context) => void): void;
};

/** The request of work that no API call asked for. */
export const NO_REQUEST: Stripe.Event.Request = { id: null, idempotency_key: null };
