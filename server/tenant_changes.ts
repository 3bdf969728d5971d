/** The events of one subscription to tenantChanged, each of them given only to who may have it still. */
import { setTimeout as delay } from "node:timers/promises";

import { describeDatabaseError } from "./errors.ts";
import type { Notice, TenantNotifications } from "./tenant_notifications.ts";

export type TenantChange = { event: string; tenantId: string; rowId: string };

/** What a subscriber is told of; whatever else is notified of is only a reason to look at them anew. */
const TOLD: ReadonlySet<string> = new Set(["tenant", "billing_request"]);

/** The first event, and the one in place of those that may have been missed. */
const CURRENT = "current";

/** Events come at most this often; what changes in between is told once. */
const MIN_INTERVAL_MS = 100;

/** Notices that wait; whoever has more is told to look at everything. */
const MOST_WAITING = 100;

/** A database that is away for a moment ends no subscription. */
const TRIES = 5;
const RETRY_MS = 500;

/**
 * `enter` resolves with the caller's tenant if they may be there now, and rejects with the reason if
 * not: asked at the beginning and before each event, so that a refusal ends the subscription.
 */
export function tenantChanges(
  notifications: TenantNotifications,
  enter: () => Promise<string>,
): AsyncIterableIterator<TenantChange> {
  return new TenantChanges(notifications, enter);
}

/** By hand and no generator: one of those can't be ended while it waits for what may never come. */
class TenantChanges implements AsyncIterableIterator<TenantChange> {
  readonly #notifications: TenantNotifications;
  readonly #enter: () => Promise<string>;
  readonly #waiting = new Map<string, Notice | undefined>();
  #tenantId: string | undefined;
  #unsubscribe: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #notBefore = 0;
  #isOver = false;

  constructor(notifications: TenantNotifications, enter: () => Promise<string>) {
    this.#notifications = notifications;
    this.#enter = enter;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<TenantChange, undefined>> {
    try {
      while (!this.#isOver) {
        const change = await this.#change();
        if (change !== undefined && !this.#isOver) return { done: false, value: change };
      }
    } catch (error) {
      this.#end();
      throw error;
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<TenantChange, undefined>> {
    this.#end();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<never> {
    this.#end();
    throw error;
  }

  /** The next change; undefined for a notice that was only a reason to look. */
  async #change(): Promise<TenantChange | undefined> {
    if (this.#unsubscribe === undefined) return this.#begin();
    if (this.#waiting.size === 0) await this.#notice();
    await delay(Math.max(0, this.#notBefore - Date.now()), undefined, { ref: false });
    if (this.#isOver) return undefined;
    this.#notBefore = Date.now() + MIN_INTERVAL_MS;

    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [key, notice] = first;
    this.#waiting.delete(key);
    const tenantId = await this.#entered();
    if (notice === undefined) return { event: CURRENT, tenantId, rowId: tenantId };
    return TOLD.has(notice.topic)
      ? { event: notice.topic, tenantId, rowId: notice.rowId }
      : undefined;
  }

  /** Listens before the first event is read, so that no change falls in between. */
  async #begin(): Promise<TenantChange> {
    const tenantId = await this.#entered();
    this.#tenantId = tenantId;
    this.#unsubscribe = this.#notifications.subscribe(tenantId, (notice) => this.#hear(notice));
    if (this.#isOver) this.#unsubscribe();
    return { event: CURRENT, tenantId, rowId: tenantId };
  }

  async #entered(): Promise<string> {
    const tenantId = await this.#tried();
    if (tenantId === (this.#tenantId ?? tenantId)) return tenantId;
    throw new Error("A subscription's caller is in another tenant than it began with");
  }

  async #tried(): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#enter();
      } catch (error) {
        const isFault = describeDatabaseError(error).code === "INTERNAL";
        if (!isFault || tries === TRIES || this.#isOver) throw error;
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #hear(notice: Notice | undefined): void {
    if (notice === undefined || this.#waiting.size >= MOST_WAITING) {
      this.#waiting.clear();
      this.#waiting.set(CURRENT, undefined);
    } else if (!this.#waiting.has(CURRENT)) {
      this.#waiting.set(`${notice.topic} ${notice.rowId}`, notice);
    }
    this.#wake?.();
  }

  #notice(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #end(): void {
    this.#isOver = true;
    this.#unsubscribe?.();
    this.#wake?.();
  }
}
