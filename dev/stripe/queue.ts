import type { Chaos } from "./chaos.ts";
import type { Delivery } from "./deliveries.ts";
import { releasePutBack } from "./dispatch.ts";

/** How many deliveries may be under way at once. */
export const CONCURRENCY = 16;

/** The deliveries that are pending, in the order they came, and which of them are under way. */
export class Queue {
  readonly #chaos: Chaos;
  readonly #pending = new Map<string, Delivery>();
  readonly #flying = new Set<string>();

  constructor(chaos: Chaos) {
    this.#chaos = chaos;
  }

  get size(): number {
    return this.#pending.size;
  }
  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#flying.size === 0;
  }
  get isFull(): boolean {
    return this.#flying.size >= (this.#isShuffling ? 1 : CONCURRENCY);
  }

  /** When the next of those that wait is due; Infinity if none does. */
  get nextMs(): number {
    let nextMs = Infinity;
    for (const { id, nextAttemptMs } of this.#pending.values()) {
      if (!this.#flying.has(id)) nextMs = Math.min(nextMs, nextAttemptMs);
    }
    return nextMs;
  }

  /** Whether any is due by then, those under way included. */
  isDueBy(ms: number): boolean {
    return this.#pending.values().some(({ nextAttemptMs }) => nextAttemptMs <= ms);
  }

  add(delivery: Delivery): void {
    if (this.#isShuffling) releasePutBack(this.#pending.values(), delivery.number);
    this.#pending.set(delivery.id, delivery);
  }

  remove({ id }: Delivery): void {
    this.#pending.delete(id);
  }

  /** Those of `deliveries` that are pending, instead of what there was. */
  fill(deliveries: Iterable<Delivery>): void {
    this.#pending.clear();
    for (const delivery of deliveries) {
      if (delivery.state === "pending") this.#pending.set(delivery.id, delivery);
    }
  }

  /** Sends those off that are due, as far as the bound allows. Each has to be brought back. */
  *takeDue(nowMs: number): Generator<Delivery> {
    for (const delivery of this.#inOrder()) {
      if (this.isFull) return;
      if (this.#flying.has(delivery.id) || delivery.nextAttemptMs > nowMs) continue;
      this.#flying.add(delivery.id);
      yield delivery;
    }
  }

  bringBack({ id }: Delivery): void {
    this.#flying.delete(id);
  }

  get #isShuffling(): boolean {
    return this.#chaos.settings().reorder > 0;
  }

  /** By place when the order is tampered with, and then one after another: it is to be repeatable. */
  #inOrder(): Iterable<Delivery> {
    const pending = this.#pending.values();
    return this.#isShuffling ? [...pending].toSorted((a, b) => a.place - b.place) : pending;
  }
}
