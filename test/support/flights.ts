/** Counts round trips on the wire: a proxy between a client and a server that looks at turns. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export type FlightCounter = AsyncDisposable & {
  port: number;
  /** Runs `work` and counts how often the client spoke after it was answered, and so waited. */
  during(work: () => Promise<unknown>): Promise<number>;
};

/**
 * What the client sends before an answer reaches it is one flight, however many packets it makes.
 */
export async function countFlights(target: { host: string; port: number }): Promise<FlightCounter> {
  let flights = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(target);
    let isAnswered = true;
    sockets.add(client).add(server);
    client.on("data", (chunk) => {
      if (isAnswered) flights += 1;
      isAnswered = false;
      server.write(chunk);
    });
    server.on("data", (chunk) => {
      isAnswered = true;
      client.write(chunk);
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        server.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("No port was free");
  return {
    port: address.port,
    async during(work) {
      flights = 0;
      await work();
      return flights;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
