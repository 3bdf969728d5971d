import type { Chaos } from "./chaos.ts";
import { isAccepted, nothingSent, record } from "./deliveries.ts";
import type { Attempt, Delivery, Mode } from "./deliveries.ts";
import { dispatch, releasePutBack } from "./dispatch.ts";
import { makePoster } from "./post.ts";
import type { Addressee, Store, StoredEvent } from "./store.ts";
import { thinOf, thinType } from "./thin.ts";

const CONCURRENCY = 16;
const MAX_TIMER_MS = 60_000;

/** An attempt that was asked for, with what was sent where. */
export type Resent = Attempt & { event: string; endpoint: string };

/** Brings events to the webhook endpoints, retrying until each is accepted. Owns its sockets. */
export class Webhooks {
  readonly #store: Store;
  readonly #chaos: Chaos;
  readonly #touch: () => void;
  readonly #poster = makePoster(CONCURRENCY);
  /** What the store says is pending, in the order it came. */
  readonly #pending = new Map<string, Delivery>();
  readonly #flying = new Set<string>();
  #waiting: (() => void)[] = [];
  #mode: Mode = "deliver";
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Delivers what is in `store` and tells `touch` of each change there. */
  constructor(store: Store, chaos: Chaos, touch: () => void) {
    this.#store = store;
    this.#chaos = chaos;
    this.#touch = touch;
  }

  get mode(): Mode {
    return this.#mode;
  }
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Queues an event for every endpoint that wants it. Returns at once. */
  publish(event: StoredEvent): void {
    for (const endpoint of this.#endpointsFor(event)) {
      for (const delivery of dispatch(event, endpoint, this.#chaos)) this.#queue(delivery, event);
    }
    this.#schedule(0);
  }

  #queue(delivery: Delivery, event: StoredEvent): void {
    this.#store.deliveries.set(delivery.id, delivery);
    if (delivery.state !== "pending") return;
    if (delivery.isDuplicate !== true) event.pending_webhooks += 1;
    if (this.#isShuffling) releasePutBack(this.#pending.values(), delivery.number);
    this.#pending.set(delivery.id, delivery);
  }

  /** `hold` keeps events waiting; `deliver` sends them; with `drop` nobody is reached, for good. */
  setMode(mode: Mode): void {
    this.#mode = mode;
    this.#schedule(0);
  }

  /** Sends one event once more, now, to every endpoint. */
  resend(event: StoredEvent): Promise<Resent[]> {
    return Promise.all(this.#endpointsFor(event).map(({ id }) => this.#resendTo(event, id)));
  }

  /** Resolves with whether nothing is pending any more, at the latest after `timeoutMs`. */
  async settle(timeoutMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return true;
    if (this.#mode === "hold") return false;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, timeoutMs);
      this.#waiting.push(() => {
        clearTimeout(limit);
        resolve();
      });
    });
    return this.#pending.size === 0;
  }

  /** Takes up what the store says is pending: at the start, and after a reset. */
  reload(): void {
    this.#pending.clear();
    for (const delivery of this.#store.deliveries.values()) {
      if (delivery.state === "pending") this.#pending.set(delivery.id, delivery);
    }
    this.#wakeIfIdle();
    this.#schedule(0);
  }

  /** Stops. What is pending stays so in the store. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const wake of this.#waiting) wake();
    this.#poster.close();
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || this.#mode === "hold") return;
    this.#timer = setTimeout(() => this.#pump(), Math.min(delayMs, MAX_TIMER_MS));
  }

  /** Starts what is due, as far as the bound allows, and sets the timer for what is not. */
  #pump(): void {
    const now = Date.now();
    let nextMs = Infinity;
    const limit = this.#isShuffling ? 1 : CONCURRENCY;
    for (const delivery of this.#inOrder()) {
      if (this.#flying.has(delivery.id)) continue;
      if (this.#flying.size >= limit) return;
      // Not awaited: an attempt never rejects, and the next one must not wait for it.
      if (delivery.nextAttemptMs <= now) void this.#attempt(delivery);
      else nextMs = Math.min(nextMs, delivery.nextAttemptMs - now);
    }
    if (nextMs < Infinity) this.#schedule(nextMs);
  }

  get #isShuffling(): boolean {
    return this.#chaos.settings().reorder > 0;
  }

  /** By place when the order is tampered with, and then one after another: it is to be repeatable. */
  #inOrder(): Iterable<Delivery> {
    const pending = this.#pending.values();
    return this.#isShuffling ? [...pending].toSorted((a, b) => a.place - b.place) : pending;
  }

  async #attempt(delivery: Delivery): Promise<void> {
    this.#flying.add(delivery.id);
    const isDropped =
      this.#mode === "drop" || this.#chaos.drops(delivery.number, delivery.attemptCount);
    const result = isDropped
      ? nothingSent("lost on the way")
      : await this.#post(delivery.event, delivery.endpoint);
    this.#flying.delete(delivery.id);
    const isStillWanted = this.#store.deliveries.get(delivery.id) === delivery;
    if (isStillWanted && !this.#isClosed) this.#finish(delivery, result);
    this.#schedule(0);
  }

  async #resendTo(event: StoredEvent, endpoint: string): Promise<Resent> {
    const result = await this.#post(event.id, endpoint);
    for (const delivery of isAccepted(result) ? this.#store.deliveries.values() : []) {
      if (delivery.event !== event.id || delivery.endpoint !== endpoint) continue;
      if (delivery.state === "failed") record(delivery, result, Date.now());
      this.#finish(delivery, result);
    }
    return { event: event.id, endpoint, ...result };
  }

  #post(eventId: string, endpointId: string): Promise<Attempt> {
    const event = this.#store.events.get(eventId);
    const thin = this.#store.thinEndpoints.get(endpointId);
    const endpoint = thin ?? this.#store.webhookEndpoints.get(endpointId);
    if (event === undefined || endpoint === undefined) {
      return Promise.resolve(nothingSent("the endpoint is gone"));
    }
    const payload = JSON.stringify(thin === undefined ? event : thinOf(event), null, 2);
    return this.#poster.post(endpoint, payload);
  }

  #finish(delivery: Delivery, result: Attempt): void {
    // Sent twice at once, by itself and on demand: the first acceptance counts.
    if (delivery.state !== "pending") return;
    record(delivery, result, Date.now());
    // An outage in real time would have to outlast three days of retries.
    if (this.#mode === "drop" && !isAccepted(result)) delivery.state = "failed";
    const event = this.#store.events.get(delivery.event);
    if (delivery.state !== "pending" && this.#pending.delete(delivery.id) && event !== undefined) {
      if (delivery.isDuplicate !== true) event.pending_webhooks -= 1;
    }
    this.#touch();
    this.#wakeIfIdle();
  }

  #wakeIfIdle(): void {
    if (this.#pending.size > 0) return;
    for (const wake of this.#waiting) wake();
    this.#waiting = [];
  }

  #endpointsFor({ type }: StoredEvent): Addressee[] {
    return [
      ...wanting(type, this.#store.webhookEndpoints.values()),
      ...wanting(thinType(type), this.#store.thinEndpoints.values()),
    ];
  }
}

function wanting(type: string, endpoints: Iterable<Addressee>): Addressee[] {
  return [...endpoints].filter(({ resource }) => {
    const isAsked = resource.enabled_events.some((each) => each === "*" || each === type);
    return resource.status === "enabled" && isAsked;
  });
}
