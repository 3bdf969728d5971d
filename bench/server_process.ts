/** A server under load in a process of its own. */
import { pino } from "pino";

import type { ServerConfig } from "../server/config.ts";
import { startServer } from "../server/server.ts";
import { startBaseline } from "./baseline_server.ts";
import { forkFile, obeyParent, type Forked } from "./fork.ts";

export type ServerKind = "ours" | "baseline";
type Order = { kind: ServerKind; config: ServerConfig };

export type ForkedServer = Forked;

/** Starts one; rejects with its reason when it can't. */
export function forkServer(order: Order): Promise<ForkedServer> {
  return forkFile(import.meta.filename, order.kind, order);
}

if (import.meta.main) {
  await obeyParent(async ({ kind, config }: Order) => {
    const start = kind === "ours" ? startServer : startBaseline;
    await start(config, pino({ level: config.logLevel }));
  });
}
