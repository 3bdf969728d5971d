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

const READY_MS = 30_000;
const STOP_MS = 5_000;

/** Starts one; rejects with its reason when it can't. */
export async function forkServer(order: Order): Promise<AsyncDisposable> {
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
    return { [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function obey({ kind, config }: Order): Promise<void> {
  const start = kind === "ours" ? startServer : startBaseline;
  const logger = pino({ level: config.logLevel });
  try {
    const server = await start(config, logger);
    process.once("disconnect", () => void server.close().finally(() => process.exit()));
    process.send?.({ error: undefined } satisfies Answer);
  } catch (error) {
    process.send?.({ error: String(error) } satisfies Answer);
  }
}

if (import.meta.main) process.once("message", (order: Order) => void obey(order));
