import { addresseesOf, letterFor } from "./addressees.ts";
import type { Writing } from "./addressees.ts";
import type { Chaos } from "./chaos.ts";
import type { Clock } from "./clock.ts";
import { attempt, isAccepted, nothingSent, record } from "./deliveries.ts";
import type { Attempt, Delivery, Mode, Outcome } from "./deliveries.ts";
import { DeliveryTime } from "./delivery_time.ts";
import { dispatch } from "./dispatch.ts";
import type { Happening } from "./dispatch.ts";
import { makePoster } from "./post.ts";
import { CONCURRENCY, Queue } from "./queue.ts";
import type { Store, StoredEvent } from "./store.ts";
import { Waits } from "./waits.ts";

const MAX_TIMER_MS = 60_000;

/** An attempt that was asked for, with what was sent where. */
export type Resent = Attempt & { event: string; endpoint: string };

/** What the webhooks work with. They tell `touch` of each change of the store. */
export type WebhooksOptions = { store: Store; chaos: Chaos; clock: Clock; touch: () => void };

/** Brings events to the webhook endpoints, retrying until each is accepted. Owns its sockets. */
export class Webhooks {
  readonly #store: Store;
  readonly #chaos: Chaos;
  readonly #clock: Clock;
  readonly #time: DeliveryTime;
  readonly #queue: Queue;
  readonly #touch: () => void;
  readonly #poster = makePoster(CONCURRENCY);
  readonly #waits = new Waits();
  #mode: Mode = "deliver";
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ store, chaos, clock, touch }: WebhooksOptions) {
    this.#store = store;
    this.#chaos = chaos;
    this.#clock = clock;
    this.#time = new DeliveryTime(clock);
    this.#queue = new Queue(chaos);
    this.#touch = touch;
  }

  get mode(): Mode {
    return this.#mode;
  }
  get pendingCount(): number {
    return this.#queue.size;
  }

  /** Queues an event for every endpoint that wants it. Returns at once. */
  publish(happening: Happening): void {
    for (const endpoint of addresseesOf(this.#store, happening.event)) {
      for (const delivery of dispatch(happening, endpoint, this.#chaos)) {
        this.#store.deliveries.set(delivery.id, delivery);
        if (delivery.isDuplicate !== true) happening.event.pending_webhooks += 1;
        if (delivery.state === "pending") this.#queue.add(delivery);
      }
    }
    this.#schedule(0);
  }

  /** `hold` keeps events waiting; `deliver` sends them; with `drop` nobody is reached, for good. */
  setMode(mode: Mode): void {
    this.#mode = mode;
    // The time for which events are held does not count: none of their retries is made meanwhile.
    if (mode === "hold") this.#time.catchUp();
    this.#waits.look();
    this.#schedule(0);
  }

  /** Is told when the clock was moved ahead: what falls due on the way happens one by one. */
  clockMoved(ms: number): void {
    if (this.#mode !== "hold") this.#time.stayBehind(ms);
    this.#schedule(0);
  }

  /** Resolves when all that is due by now was tried, or is held; at the latest after `timeoutMs`. */
  caughtUp(timeoutMs: number): Promise<void> {
    const now = this.#clock.nowMs();
    return this.#waits.until(() => this.#mode === "hold" || !this.#queue.isDueBy(now), timeoutMs);
  }

  /** Sends one event once more, now, to every endpoint. */
  resend(event: StoredEvent): Promise<Resent[]> {
    return Promise.all(addresseesOf(this.#store, event).map(({ id }) => this.#resendTo(event, id)));
  }

  /** Resolves with whether nothing is pending any more, at the latest after `timeoutMs`. */
  async settle(timeoutMs: number): Promise<boolean> {
    await this.#waits.until(() => this.#mode === "hold" || this.#queue.size === 0, timeoutMs);
    return this.#queue.size === 0;
  }

  /** Takes up what the store says is pending: at the start, and after a reset. */
  reload(): void {
    this.#queue.fill(this.#store.deliveries.values());
    this.#time.catchUp();
    this.#waits.look();
    this.#schedule(0);
  }

  /** Stops. What is pending stays so in the store. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#waits.end();
    this.#poster.close();
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || this.#mode === "hold") return;
    const timerMs = Math.max(0, Math.min(delayMs, MAX_TIMER_MS));
    this.#timer = setTimeout(() => this.#pump(), timerMs);
  }

  /** Starts what is due, as far as the bound allows, and sets the timer for what is not. */
  #pump(): void {
    // Not awaited: an attempt never rejects, and the next one must not wait for it.
    for (const delivery of this.#queue.takeDue(this.#time.now())) void this.#attempt(delivery);
    if (this.#queue.isFull) return;
    const { nextMs } = this.#queue;
    // What is under way may fail, and then be due again before anything else.
    if (this.#queue.isIdle) this.#time.skipTo(nextMs);
    if (nextMs < Infinity) this.#schedule(nextMs - this.#time.now());
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const atMs = this.#time.now();
    const { event, endpoint } = delivery;
    const isDropped =
      this.#mode === "drop" || this.#chaos.drops(delivery.number, delivery.attempts.length);
    const result = isDropped
      ? nothingSent("lost on the way")
      : await this.#post({ event, endpoint, atMs });
    this.#queue.bringBack(delivery);
    const isStillWanted = this.#store.deliveries.get(delivery.id) === delivery;
    if (isStillWanted && !this.#isClosed) this.#finish(delivery, attempt(atMs, result));
    this.#schedule(0);
  }

  async #resendTo(event: StoredEvent, endpoint: string): Promise<Resent> {
    const atMs = this.#clock.nowMs();
    const result = attempt(atMs, await this.#post({ event: event.id, endpoint, atMs }));
    for (const delivery of isAccepted(result) ? this.#store.deliveries.values() : []) {
      if (delivery.event === event.id && delivery.endpoint === endpoint) {
        this.#finish(delivery, result);
      }
    }
    return { event: event.id, endpoint, ...result };
  }

  async #post(writing: Writing): Promise<Outcome> {
    const letter = letterFor(this.#store, writing);
    return letter === undefined ? nothingSent("the endpoint is gone") : this.#poster.post(letter);
  }

  #finish(delivery: Delivery, result: Attempt): void {
    // Sent twice at once, by itself and on demand: the first acceptance counts.
    if (delivery.state === "delivered") return;
    record(delivery, result, this.#time.now());
    // Such an outage outlasts all retries.
    if (this.#mode === "drop" && !isAccepted(result)) delivery.state = "failed";
    if (delivery.state !== "pending") this.#queue.remove(delivery);
    const event = this.#store.events.get(delivery.event);
    if (isAccepted(result) && delivery.isDuplicate !== true && event !== undefined) {
      event.pending_webhooks -= 1;
    }
    this.#touch();
    this.#waits.look();
  }
}
