/**
 * A stand-in for a network: a proxy before PostgreSQL, in a process of its own, that passes bytes on
 * half a round trip after they came, either way. Node's timers count in milliseconds, so while
 * bytes are on their way the process looks at the clock instead; how well it keeps to the delay is
 * measured by whoever uses it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

type Order = { host: string; port: number; oneWayMs: number };

export type DelayProxy = AsyncDisposable & { throughIt(url: string): string };

/** Starts one before the server of `databaseUrl`. */
export async function startDelayProxy(
  databaseUrl: string,
  roundTripMs: number,
): Promise<DelayProxy> {
  const { hostname, port } = new URL(databaseUrl);
  const order: Order = { host: hostname, port: Number(port || 5432), oneWayMs: roundTripMs / 2 };
  const child = fork(import.meta.filename, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  child.send(order);
  const answer: unknown[] = await Promise.race([once(child, "message"), exited]);
  const [listening] = answer;
  if (!child.connected) throw new Error(`The proxy ended with ${String(listening)}`);
  return {
    throughIt(url) {
      const through = new URL(url);
      through.host = `127.0.0.1:${Number(listening)}`;
      return through.href;
    },
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await exited;
    },
  };
}

type Held = { due: number; bytes: Buffer; to: Socket };

function serve({ host, port, oneWayMs }: Order): void {
  const held: Held[] = [];

  function passOn(): void {
    const now = performance.now();
    for (let next = held[0]; next !== undefined && next.due <= now; next = held[0]) {
      held.shift();
      next.to.write(next.bytes);
    }
    if (held.length > 0) setImmediate(passOn);
  }
  function hold(from: Socket, to: Socket): void {
    from.on("data", (bytes: Buffer) => {
      held.push({ due: performance.now() + oneWayMs, bytes, to });
      if (held.length === 1) setImmediate(passOn);
    });
    from.on("close", () => to.destroy());
    from.on("error", () => to.destroy());
  }
  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ host, port, noDelay: true });
    hold(client, server);
    hold(server, client);
  });
  proxy.listen(0, "127.0.0.1", () => {
    const address = proxy.address();
    if (address !== null && typeof address === "object") process.send?.(address.port);
  });
}

if (import.meta.main) {
  // However who gave the order ended.
  process.once("disconnect", () => process.exit());
  process.once("message", serve);
}
