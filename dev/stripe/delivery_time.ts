import type { Clock } from "./clock.ts";

/**
 * The time that deliveries live by. It is the emulator's, and walks behind where that has jumped: from
 * one thing that is due to the next, so that each happens at its own time, in order.
 */
export class DeliveryTime {
  readonly #clock: Pick<Clock, "nowMs">;
  #behindMs = 0;

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.nowMs() - this.#behindMs;
  }

  /** Stays where it is although the clock was moved by so much. */
  stayBehind(ms: number): void {
    this.#behindMs += ms;
  }

  /** Goes on to `nextMs`, before which nothing is to be done; never past the clock. */
  skipTo(nextMs: number): void {
    const idleMs = Math.max(0, nextMs - this.now());
    this.#behindMs -= Math.min(this.#behindMs, idleMs);
  }

  /** Takes the clock's time: what was due in between goes out late. */
  catchUp(): void {
    this.#behindMs = 0;
  }
}
