import type { Store } from "./store.ts";

const KEPT_SECONDS = 30 * 24 * 3600;

/** Forgets events older than thirty days, as Stripe does, and what is known of their delivery. */
export function forgetOldEvents(store: Store, now: number): void {
  const waiting = new Set<string>();
  for (const { event, state } of store.deliveries.values()) {
    if (state === "pending") waiting.add(event);
  }
  // Events are kept in the order they were made, so the old ones come first.
  for (const event of store.events.values()) {
    if (event.created > now - KEPT_SECONDS) break;
    if (!waiting.has(event.id)) store.events.delete(event.id);
  }
  for (const delivery of store.deliveries.values()) {
    if (!store.events.has(delivery.event)) store.deliveries.delete(delivery.id);
  }
}
