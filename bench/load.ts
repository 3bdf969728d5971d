/** A client that costs next to nothing, so that what is measured is the server. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { quantile } from "./statistics.ts";

/** Where to ask, and the whole request as it goes over the wire. */
export type Target = { port: number; request: Buffer };

export type Slice = {
  requests: number;
  requestsPerSecond: number;
  medianMs: number;
  p99Ms: number;
};

/** Connections that are kept open, each with one request under way while a slice runs. */
export type Load = Disposable & { run(durationMs: number): Promise<Slice> };

/** Opens `concurrency` connections. */
export async function openLoad(target: Target, concurrency: number): Promise<Load> {
  const connections = await Promise.all(
    Array.from({ length: concurrency }, () => openConnection(target.port)),
  );
  return {
    async run(durationMs) {
      const startedAt = performance.now();
      const deadline = startedAt + durationMs;
      const latencies = await Promise.all(
        connections.map((connection) => askUntil(connection, target.request, deadline)),
      );
      const all = latencies.flat();
      return {
        requests: all.length,
        requestsPerSecond: (all.length * 1000) / (performance.now() - startedAt),
        medianMs: quantile(all, 0.5),
        p99Ms: quantile(all, 0.99),
      };
    },
    [Symbol.dispose]() {
      for (const connection of connections) connection.close();
    },
  };
}

/** An HTTP request in bytes. */
export function httpRequest(
  line: string,
  { token, body }: { token: string; body?: unknown },
): Buffer {
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers = [
    `${line} HTTP/1.1`,
    "host: 127.0.0.1",
    "accept: application/json",
    `authorization: Bearer ${token}`,
    ...(body === undefined
      ? []
      : ["content-type: application/json", `content-length: ${Buffer.byteLength(text)}`]),
  ];
  return Buffer.from(`${headers.join("\r\n")}\r\n\r\n${text}`);
}

/** Opens connections for as long as `use` needs them. */
export async function withConnections<T>(
  port: number,
  count: number,
  use: (connections: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const connections = await Promise.all(Array.from({ length: count }, () => openConnection(port)));
  try {
    return await use(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** One request on a connection of its own; its body, parsed. */
export async function askOnce(target: Target): Promise<unknown> {
  const connection = await openConnection(target.port);
  try {
    return JSON.parse((await connection.ask(target.request)).toString());
  } finally {
    connection.close();
  }
}

/** One that is kept open. An answer is its body, or an error unless its status is 200. */
export type Connection = { ask(request: Buffer): Promise<Buffer>; close(): void };

async function askUntil(
  connection: Connection,
  request: Buffer,
  deadline: number,
): Promise<number[]> {
  const latencies: number[] = [];
  let now = performance.now();
  do {
    const askedAt = now;
    await connection.ask(request);
    now = performance.now();
    latencies.push(now - askedAt);
  } while (now < deadline);
  return latencies;
}

export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return {
    async ask(request) {
      // Whoever was left alone for too long is hung up on, and would wait for ever.
      if (socket.destroyed) throw new Error("The server has closed the connection");
      const answered = readResponse(socket);
      socket.write(request);
      return await answered;
    },
    close: () => void socket.destroy(),
  };
}

/** The body of the next response; rejects unless that is a 200 with a content-length. */
function readResponse(socket: Socket): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let received = 0;
  let headSize = 0;
  let expected = Number.POSITIVE_INFINITY;

  function settle(finish: () => void): void {
    socket.off("data", onData).off("close", onClose).off("error", reject);
    finish();
  }
  function onClose(): void {
    settle(() => reject(new Error("The server closed the connection")));
  }
  function onData(chunk: Buffer): void {
    chunks.push(chunk);
    received += chunk.length;
    if (headSize === 0) {
      const head = headOf(chunks.length === 1 ? chunk : Buffer.concat(chunks));
      if (head === undefined) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      if (!head.startsWith("HTTP/1.1 200 ") || length === undefined) {
        settle(() => reject(new Error(`Unexpected answer: ${head} ${String(chunk)}`)));
        return;
      }
      headSize = head.length;
      expected = headSize + Number(length);
    }
    if (received >= expected) settle(() => resolve(Buffer.concat(chunks).subarray(headSize)));
  }
  socket.on("data", onData).on("close", onClose).on("error", reject);
  return promise;
}

/** Status line and headers with the blank line that ends them, once they are all there. */
function headOf(bytes: Buffer): string | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  return end === -1 ? undefined : bytes.toString("latin1", 0, end + 4);
}
