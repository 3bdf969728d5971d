import type { Chaos, Fate } from "./chaos.ts";
import { attempt, nothingSent } from "./deliveries.ts";
import type { Delivery } from "./deliveries.ts";
import { newId } from "./store.ts";
import type { Addressee, StoredEvent } from "./store.ts";

/** How long a delivery that is put back waits at most for others to go first. */
const PUT_BACK_MS = 250;

/** An event at the time it happens, which is the emulator's, in milliseconds. */
export type Happening = { event: StoredEvent; atMs: number };

/** The deliveries of an event to an endpoint: one, unless there is mischief. */
export function dispatch(happening: Happening, endpoint: Addressee, chaos: Chaos): Delivery[] {
  const [first, second] = chaos.nextFates().map((fate) => newDelivery(happening, endpoint, fate));
  if (first === undefined) return [];
  return second === undefined ? [first] : [first, { ...second, isDuplicate: true }];
}

/** Lets go of what was put back, once enough came after it. */
export function releasePutBack(pending: Iterable<Delivery>, latest: number): void {
  for (const delivery of pending) {
    const isPutBack = delivery.attempts.length === 0 && delivery.place > delivery.number;
    if (isPutBack && delivery.place < latest + 1) delivery.nextAttemptMs = delivery.notBeforeMs;
  }
}

function newDelivery({ event, atMs }: Happening, endpoint: Addressee, fate: Fate): Delivery {
  const notBeforeMs = atMs + fate.delayMs;
  return {
    id: newId("dlv"),
    event: event.id,
    type: event.type,
    endpoint: endpoint.id,
    state: fate.isLost ? "failed" : "pending",
    createdMs: atMs,
    nextAttemptMs: notBeforeMs + (fate.place > fate.number ? PUT_BACK_MS : 0),
    notBeforeMs,
    number: fate.number,
    place: fate.place,
    attempts: fate.isLost ? [attempt(atMs, nothingSent("lost for good"))] : [],
  };
}
