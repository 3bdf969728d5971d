/**
 * A proxy before PostgreSQL that counts what a request costs on the wire. It holds every answer back
 * for a moment, as a network does: only then is what a client sends without waiting told apart from
 * what it sends after an answer.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

const ANSWER_DELAY_MS = 10;

/** Round trips are times that the client waits: bursts of its messages between answers. */
export type WireCounts = { roundTrips: number; statements: number; parsed: number };

export type WireCounter = AsyncDisposable & {
  /** The database's URL, by way of the proxy. */
  url: string;
  /** What went through since the last call. */
  take(): WireCounts;
};

/** Starts a proxy before the server of `databaseUrl`. */
export async function startWireCounter(databaseUrl: string): Promise<WireCounter> {
  const { hostname, port } = new URL(databaseUrl);
  let counts: WireCounts = { roundTrips: 0, statements: 0, parsed: 0 };
  const sockets = new Set<Socket>();

  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port || 5432), noDelay: true });
    const messages = messageReader();
    let answered = true;
    client.on("data", (bytes: Buffer) => {
      if (answered) counts.roundTrips += 1;
      answered = false;
      for (const type of messages(bytes)) {
        if (type === "Q" || type === "E") counts.statements += 1;
        if (type === "P") counts.parsed += 1;
      }
    });
    server.on("data", (bytes: Buffer) => {
      setTimeout(() => {
        answered = true;
        client.write(bytes);
      }, ANSWER_DELAY_MS);
    });
    client.pipe(server);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");

  const url = new URL(databaseUrl);
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port");
  url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    take() {
      const taken = counts;
      counts = { roundTrips: 0, statements: 0, parsed: 0 };
      return taken;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}

/** Splits a frontend's bytes into messages and tells their types; the first one has none. */
function messageReader(): (bytes: Buffer) => string[] {
  let rest = Buffer.alloc(0);
  let started = false;
  return function read(bytes) {
    rest = Buffer.concat([rest, bytes]);
    const types: string[] = [];
    for (;;) {
      const typeSize = started ? 1 : 0;
      if (rest.length < typeSize + 4) return types;
      const end = typeSize + rest.readInt32BE(typeSize);
      if (rest.length < end) return types;
      types.push(started ? rest.toString("latin1", 0, 1) : "");
      started = true;
      rest = rest.subarray(end);
    }
  };
}
