/** A server under load in a process of its own: fork it, tell it what to be, wait until it is. */
import { fork } from "node:child_process";
import { once } from "node:events";

import { pino } from "pino";

import type { ServerConfig } from "../server/config.ts";
import { startServer } from "../server/server.ts";
import { startBaseline } from "./baseline_server.ts";

export type ServerKind = "ours" | "baseline";
type Order = { kind: ServerKind; config: ServerConfig };
type Answer = { error: string | undefined };
/** Milliseconds of CPU that the process has used since it began; asked for with any message. */
type CpuAnswer = { cpuMs: number };

export type ForkedServer = AsyncDisposable & { cpuMs(): Promise<number> };

const READY_MS = 30_000;
const STOP_MS = 5_000;

/** Starts one; rejects with its reason when it can't. */
export async function forkServer(order: Order): Promise<ForkedServer> {
  const child = fork(import.meta.filename, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  async function stop(): Promise<void> {
    // It ends when nobody is left who gives orders.
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await exited;
    clearTimeout(timer);
  }

  try {
    const { promise: answered, resolve: answer } = Promise.withResolvers<Answer>();
    child.once("message", answer);
    child.once("exit", (code) => answer({ error: `it ended with ${code}` }));
    const timer = setTimeout(() => answer({ error: "it was not ready in time" }), READY_MS);
    child.send(order);
    const { error } = await answered;
    clearTimeout(timer);
    if (error !== undefined) throw new Error(`The server (${order.kind}): ${error}`);
    return {
      cpuMs() {
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        child.once("message", ({ cpuMs }: CpuAnswer) => resolve(cpuMs));
        void exited.then(() => reject(new Error(`The server (${order.kind}) is gone`)));
        child.send("cpu", (failure) => {
          if (failure !== null) reject(failure);
        });
        return promise;
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function obey({ kind, config }: Order): Promise<void> {
  const start = kind === "ours" ? startServer : startBaseline;
  const logger = pino({ level: config.logLevel });
  try {
    await start(config, logger);
    process.on("message", () => {
      const { user, system } = process.cpuUsage();
      process.send?.({ cpuMs: (user + system) / 1000 } satisfies CpuAnswer);
    });
    process.send?.({ error: undefined } satisfies Answer);
  } catch (error) {
    process.send?.({ error: String(error) } satisfies Answer);
  }
}

if (import.meta.main) {
  // However who gave the orders ended. There is nothing here that would have to be finished.
  process.once("disconnect", () => process.exit());
  process.once("message", (order: Order) => void obey(order));
}
