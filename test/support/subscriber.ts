/** What a frontend subscribes with: graphql-transport-ws over a real socket, every message kept. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";

import { WebSocket } from "ws";

import { waitUntil } from "./wait_until.ts";

type Message = { type: string; id?: string; payload?: unknown };

/** An event of a subscription, or its errors. */
export type Told = {
  data?: { tenantChanged: Record<string, unknown> | null } | null;
  errors?: { message: string; extensions: { code: string } }[];
};

export const TENANT_CHANGED =
  "subscription { tenantChanged { event tenant { rowId name status access accessReason plan } } }";

export class Subscriber implements Disposable {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  /** How the server ended it; undefined while it has not. */
  ended: { code: number; reason: string } | undefined;

  constructor(url: string, headers: Record<string, string> = {}) {
    const address = `${url.replace(/^http/, "ws")}/graphql`;
    this.socket = new WebSocket(address, "graphql-transport-ws", { headers });
    this.socket.on("message", (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as Message);
    });
    this.socket.on("close", (code, reason) => {
      this.ended = { code, reason: reason.toString() };
    });
    this.socket.on("error", () => {});
  }

  /** Opens a connection and says nothing yet. */
  static async open(url: string, headers?: Record<string, string>): Promise<Subscriber> {
    const subscriber = new Subscriber(url, headers);
    await once(subscriber.socket, "open");
    return subscriber;
  }

  /** The status with which an upgrade is refused. */
  static async refused(url: string, headers?: Record<string, string>): Promise<number> {
    const { socket } = new Subscriber(url, headers);
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    return response.statusCode ?? 0;
  }

  /** Connects with a token, and waits for what the server says to it. */
  static async connect(url: string, token?: string, headers?: Record<string, string>) {
    const subscriber = await Subscriber.open(url, headers);
    const payload = token === undefined ? {} : { payload: { Authorization: `Bearer ${token}` } };
    subscriber.say({ type: "connection_init", ...payload });
    await waitUntil(
      () => subscriber.ended ?? subscriber.messages.some(({ type }) => type === "connection_ack"),
    );
    return subscriber;
  }

  say(message: Message | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  subscribe(query = TENANT_CHANGED, id = "1"): void {
    this.say({ type: "subscribe", id, payload: { query } });
  }

  /** What a subscription was told so far, errors in the end included. */
  told(id = "1"): Told[] {
    return this.messages.flatMap((message) => {
      if (message.id !== id) return [];
      if (message.type === "next") return [message.payload as Told];
      return message.type === "error" ? [{ errors: message.payload as Told["errors"] & {} }] : [];
    });
  }

  /** The tenant's names in the order they were told. */
  names(id = "1"): unknown[] {
    return this.told(id).map(({ data }) => {
      const tenant = data?.tenantChanged?.["tenant"] as { name: string } | null | undefined;
      return tenant?.name;
    });
  }

  /** The codes of all errors told to a subscription. */
  codes(id = "1"): string[] {
    return this.told(id).flatMap(({ errors = [] }) => errors.map((e) => e.extensions.code));
  }

  /** Resolves with the first event that is as wanted. */
  until(isWanted: (told: Told) => boolean, id = "1"): Promise<Told> {
    return waitUntil(() => this.told(id).find(isWanted), { deadlineMs: 10_000 });
  }

  /** Resolves when the server has ended the connection. */
  end(): Promise<{ code: number; reason: string }> {
    return waitUntil(() => this.ended, { deadlineMs: 10_000 });
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

/** Whether it is an event of tenantChanged with this name. */
export function isEvent(event: string): (told: Told) => boolean {
  return ({ data }) => data?.tenantChanged?.["event"] === event;
}
