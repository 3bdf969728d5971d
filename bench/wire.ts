/**
 * A client of prepared statements that costs next to nothing: it sends bytes made beforehand and
 * counts rows without reading them, so that what is timed is the server. Many executions may leave
 * as one batch, for which nobody waits in between.
 */
import { Socket } from "node:net";

import pg from "pg";

/** How long an answer took, and how many rows were in it or were written. */
export type Reply = { microseconds: number; rows: number };

export type Wire = Disposable & {
  /** Statements without parameters, in the simple protocol. */
  run(sql: string): Promise<Reply>;
  prepare(name: string, sql: string): Promise<Reply>;
  /** What `execution` made, one or many joined. */
  send(executions: Buffer): Promise<Reply>;
};

const SYNC = message("S", Buffer.alloc(0));
const TIMEOUT_MS = 120_000;

/** Connects as anybody would, then takes the connection's bytes over. */
export async function openWire(connectionString: string): Promise<Wire> {
  const socket = new Socket();
  socket.setNoDelay(true);
  const client = new pg.Client({ connectionString, stream: () => socket });
  client.on("error", () => {});
  await client.connect();
  socket.removeAllListeners("data");

  let asked = Promise.withResolvers<number>();
  // Nobody waits for the first one: it is replaced before anything is sent.
  asked.promise.catch(() => undefined);
  const read = messageReader({
    ready: (rows) => asked.resolve(rows),
    failed: (error) => asked.reject(error),
  });
  socket.on("data", read);
  socket.on("close", () => asked.reject(new Error("The server closed the connection")));

  async function send(bytes: Buffer): Promise<Reply> {
    asked = Promise.withResolvers();
    const timer = setTimeout(() => asked.reject(new Error("No answer in time")), TIMEOUT_MS);
    const startedAt = performance.now();
    socket.write(bytes);
    try {
      const rows = await asked.promise;
      return { microseconds: (performance.now() - startedAt) * 1000, rows };
    } finally {
      clearTimeout(timer);
    }
  }
  return {
    run: (sql) => send(message("Q", cString(sql))),
    prepare: (name, sql) => send(Buffer.concat([preparation(name, sql), SYNC])),
    send: (executions) => send(Buffer.concat([executions, SYNC])),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** The preparation of a statement, as bytes; one without a name lasts until the next. */
export function preparation(name: string, sql: string): Buffer {
  return message("P", Buffer.concat([cString(name), cString(sql), int16(0)]));
}

/** One execution of a prepared statement, as bytes; values are text. */
export function execution(name: string, values: readonly string[]): Buffer {
  const parameters = values.flatMap((value) => [
    int32(Buffer.byteLength(value)),
    Buffer.from(value),
  ]);
  const bind = [
    cString(""),
    cString(name),
    int16(0),
    int16(values.length),
    ...parameters,
    int16(0),
  ];
  return Buffer.concat([
    message("B", Buffer.concat(bind)),
    message("D", cString("P")),
    message("E", Buffer.concat([cString(""), int32(0)])),
  ]);
}

type Listener = { ready(rows: number): void; failed(error: Error): void };

/** Hops from message to message, and looks into none but those that tell of errors and writes. */
function messageReader(listener: Listener): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  let rows = 0;
  let error: Error | undefined;

  function take(type: string, body: Buffer): void {
    if (type === "D") rows += 1;
    else if (type === "C") rows += writtenRows(body);
    else if (type === "E") error ??= new Error(body.toString().replaceAll("\0", " ").trim());
    else if (type === "Z") {
      if (error === undefined) listener.ready(rows);
      else listener.failed(error);
      rows = 0;
      error = undefined;
    }
  }
  return function read(bytes) {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (at + 5 <= all.length) {
      const end = at + 1 + all.readInt32BE(at + 1);
      if (end > all.length) break;
      take(all.toString("latin1", at, at + 1), all.subarray(at + 5, end));
      at = end;
    }
    rest = Buffer.from(all.subarray(at));
  };
}

function writtenRows(tag: Buffer): number {
  const [, rows] = /^(?:UPDATE|INSERT 0) (\d+)/.exec(tag.toString("latin1")) ?? [];
  return Number(rows ?? 0);
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
