/** How the attack subscribes: over a websocket, keeping every message to look at. */
import { WebSocket } from "ws";

import { recordOf } from "./http.ts";

type Message = { type: unknown; id: unknown; payload: unknown };

/** The longest that a server may take to say what it has to say. */
const PATIENCE_MS = 5_000;

export class Socket implements Disposable {
  /** What a server that refuses a connection closes it with: a code of the API, and more. */
  refusal: string | undefined;
  isAcknowledged = false;
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];
  #changed: () => void = () => undefined;

  private constructor(url: string) {
    this.#socket = new WebSocket(`${url.replace(/^http/, "ws")}/graphql`, "graphql-transport-ws");
    this.#socket.on("message", (data: Buffer) => {
      const { type, id, payload } = recordOf(JSON.parse(data.toString()));
      this.isAcknowledged ||= type === "connection_ack";
      this.#messages.push({ type, id, payload });
      this.#changed();
    });
    this.#socket.on("close", (code, reason) => {
      this.refusal = reason.toString() || `closed with ${code}`;
      this.#changed();
    });
    // Told by "close" as well.
    this.#socket.on("error", () => undefined);
  }

  /** A connection as somebody; refused or acknowledged when this resolves. */
  static async connect(url: string, token: string | undefined): Promise<Socket> {
    const socket = new Socket(url);
    const payload = token === undefined ? {} : { payload: { Authorization: `Bearer ${token}` } };
    socket.#socket.once("open", () => socket.#say({ type: "connection_init", ...payload }));
    await socket.until(() => socket.isAcknowledged);
    return socket;
  }

  subscribe(id: string, payload: { query: string; variables: Record<string, unknown> }): void {
    if (this.refusal === undefined) this.#say({ type: "subscribe", id, payload });
  }

  /** The payloads of a subscription's events so far. */
  events(id: string): Readonly<Record<string, unknown>>[] {
    return this.#of(id, "next").map(({ payload }) => recordOf(payload));
  }

  /** The errors that a subscription ended with; undefined while it has none. */
  errors(id: string): unknown[] | undefined {
    const [message] = this.#of(id, "error");
    return message && [message.payload].flat();
  }

  /** Resolves when `isTrue`, or when nothing more is to be expected. */
  async until(isTrue: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const end = Date.now() + patienceMs;
    while (!isTrue() && this.refusal === undefined && Date.now() < end) {
      const changed = Promise.withResolvers<void>();
      this.#changed = changed.resolve;
      const timer = setTimeout(changed.resolve, end - Date.now());
      await changed.promise;
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #of(id: string, type: string): Message[] {
    return this.#messages.filter((message) => message.id === id && message.type === type);
  }

  #say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }
}
