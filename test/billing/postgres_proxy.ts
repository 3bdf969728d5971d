import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";

import { labelOf, TAKES_A_JOB, type Failpoints, type Verdict } from "./failpoints.ts";
import { makeReader, makeStatements, type Message } from "./postgres_messages.ts";

export type Proxy = { port: number } & AsyncDisposable;

/** Stands between a process and PostgreSQL. Counting begins with the first job that is taken. */
export async function startPostgresProxy(
  target: URL,
  failpoints: Failpoints,
  { isArmed = false }: { isArmed?: boolean } = {},
): Promise<Proxy> {
  const sockets = new Set<net.Socket>();
  const state = { isArmed };
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // Whoever is killed leaves connections behind; that they break is the point.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    relay(client, upstream, failpoints, state);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function relay(
  client: net.Socket,
  upstream: net.Socket,
  failpoints: Failpoints,
  state: { isArmed: boolean },
): void {
  const fromClient = makeReader(true);
  const fromServer = makeReader(false);
  const statementOf = makeStatements();
  let batch: Message[] = [];
  /** Statements under way, in the order in which they will be answered. */
  const asked: { isPoll: boolean; hasRows: boolean; verdict: Verdict; held: Buffer[] }[] = [];

  client.on("data", (chunk: Buffer) => {
    for (const message of fromClient(chunk)) {
      batch.push(message);
      if (!["Q", "S"].includes(message.type)) {
        // Signing in, and the flush that asks for no answer of its own.
        if (["", "p", "X", "H"].includes(message.type)) send();
        continue;
      }
      const sql = statementOf(batch);
      const label = sql === undefined ? undefined : labelOf(sql);
      const isPoll = label === TAKES_A_JOB;
      // The connection that hears of new jobs begins to listen whenever it is ready.
      const isListening = label?.startsWith("listen ") === true;
      const isCounted = label !== undefined && !isPoll && !isListening && state.isArmed;
      const verdict = isCounted ? failpoints.reached(label) : "pass";
      if (verdict === "die before") failpoints.die();
      asked.push({ isPoll, hasRows: false, verdict, held: [] });
      send();
    }
  });

  function send(): void {
    const bytes = Buffer.concat(batch.map((message) => message.bytes));
    batch = [];
    if (!failpoints.isDead) upstream.write(bytes);
  }

  upstream.on("data", (chunk: Buffer) => {
    for (const { type, bytes } of fromServer(chunk)) {
      const [current] = asked;
      if (current === undefined) {
        if (!failpoints.isDead) client.write(bytes);
        continue;
      }
      if (type === "D") current.hasRows = true;
      current.held.push(bytes);
      if (type !== "Z") continue;
      asked.shift();
      if (current.isPoll && current.hasRows) {
        state.isArmed = true;
        current.verdict = failpoints.reached(TAKES_A_JOB);
      }
      if (current.verdict === "die after") failpoints.die();
      if (!failpoints.isDead) client.write(Buffer.concat(current.held));
    }
  });
}
