/**
 * What db/30_tenancy/triggers.sql notifies of, heard on one connection for the whole process. It is
 * the login's own, and no pool's: a LISTEN would outlast what a request does on a pooled one.
 */
import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";
import type { Logger } from "pino";

import { isUuid } from "./auth/claims.ts";

/** A hint that something of a tenant's has changed; anybody in the database can forge one. */
export type Notice = { topic: string; rowId: string };

export type TenantNotifications = {
  /**
   * Calls `hear` for each notice of the tenant's, and with undefined when some may have been missed.
   * Returns how to stop.
   */
  subscribe(tenantId: string, hear: (notice: Notice | undefined) => void): () => void;
};

export type ListenOptions = { connectionString: string; logger: Logger };

const CHANNEL = "rowhouse_tenants";
const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that died without a word is found out by being asked. */
const ASK_EVERY_MS = 15_000;
const ANSWER_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

type Tell = (notice: Notice | undefined) => void;

/** Listens until it is closed. A connection that is lost is made again, however long that takes. */
export class TenantListener implements TenantNotifications {
  readonly #options: ListenOptions;
  readonly #listeners = new Map<string, Set<Tell>>();
  readonly #closing = new AbortController();
  readonly #asking: NodeJS.Timeout;
  #client: pg.Client | undefined;

  private constructor(options: ListenOptions) {
    this.#options = options;
    this.#asking = setInterval(() => void this.#ask(), ASK_EVERY_MS);
  }

  /** Resolves when it listens; rejects when it can't to begin with. */
  static async open(options: ListenOptions): Promise<TenantListener> {
    const listener = new TenantListener(options);
    try {
      await listener.#connect();
      return listener;
    } catch (error) {
      await listener.close();
      throw error;
    }
  }

  subscribe(tenantId: string, tell: Tell): () => void {
    const told = this.#listeners.get(tenantId) ?? new Set();
    this.#listeners.set(tenantId, told.add(tell));
    return () => {
      told.delete(tell);
      const isLast = told.size === 0 && this.#listeners.get(tenantId) === told;
      if (isLast) this.#listeners.delete(tenantId);
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#asking);
    await this.#client?.end();
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: "rowhouse-listener",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    client.on("notification", (notification) => this.#hear(notification));
    client.on("error", (error) => this.#lose(client, error));
    client.on("end", () => this.#lose(client));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
  }

  #hear({ channel, payload }: pg.Notification): void {
    const heard = channel === CHANNEL ? parseNotice(payload) : undefined;
    if (heard === undefined) return;
    for (const tell of this.#listeners.get(heard.tenantId) ?? []) tell(heard.notice);
  }

  /** Behind a pool that lends its connections by the transaction, it would listen no more. */
  async #ask(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    try {
      const { rows } = await client.query("select from pg_catalog.pg_listening_channels()");
      if (rows.length === 0) throw new Error("The connection does not listen any more");
    } catch (error) {
      this.#lose(client, error);
    }
  }

  #lose(client: pg.Client, error?: unknown): void {
    if (client !== this.#client || this.#closing.signal.aborted) return;
    this.#client = undefined;
    this.#options.logger.warn({ err: error }, "lost the connection that listens; making another");
    // Whatever is wrong with it, it is not waited for.
    client.end().catch(() => undefined);
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closing;
    for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, LAST_RETRY_MS)) {
      try {
        await this.#connect();
        break;
      } catch (error) {
        this.#options.logger.warn({ err: error }, "the database can't be listened to yet");
      }
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) await this.close();
    for (const told of this.#listeners.values()) for (const tell of told) tell(undefined);
  }
}

function parseNotice(payload = ""): { tenantId: string; notice: Notice } | undefined {
  let told: unknown;
  try {
    told = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (typeof told !== "object" || told === null) return undefined;
  const field = (name: string): unknown => Reflect.get(told, name);
  const [tenantId, topic, rowId] = [field("tenant_id"), field("topic"), field("row_id")];
  return isUuid(tenantId) && isUuid(rowId) && typeof topic === "string"
    ? { tenantId, notice: { topic, rowId } }
    : undefined;
}
