/** A worker in a process of its own: ours, or one of the same settings whose jobs do nothing. */
import { tmpdir } from "node:os";

import { Logger as WorkerLogger, run } from "graphile-worker";
import { pino } from "pino";

import type { WorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { QUEUE, startWorker } from "../tasks/worker.ts";
import { forkFile, obeyParent, type Forked } from "./fork.ts";
import { SECRET_KEY } from "./payers.ts";

type Order =
  { kind: "ours"; databaseUrl: string; stripePort: number } | { kind: "idle"; databaseUrl: string };

/** Starts one; resolves when it takes jobs. */
export function forkWorker(order: Order): Promise<Forked> {
  return forkFile(import.meta.filename, `worker, ${order.kind}`, order);
}

async function work(order: Order): Promise<void> {
  const logger = pino({ level: "warn" });
  if (order.kind === "ours") await startWorker(config(order), logger);
  else await startIdle(order.databaseUrl);
}

function config({ databaseUrl, stripePort }: Order & { kind: "ours" }): WorkerConfig {
  return {
    databaseUrl,
    stripe: {
      secretKey: SECRET_KEY,
      livemode: false,
      apiBase: new URL(`http://127.0.0.1:${stripePort}`),
      configuredPrices: {},
      // Ours is what is measured, not Stripe's limit.
      callsPerSecond: 100_000,
    },
    webhookUrl: "http://127.0.0.1/webhooks/stripe",
    gracePeriodDays: 14,
    isProduction: false,
    mail: {
      from: { name: "Bench", address: "bench@example.com" },
      destination: { outboxDirectory: tmpdir() },
    },
    appUrl: "http://127.0.0.1",
    logLevel: "warn",
  };
}

/** graphile-worker as we run it, with nothing to do for each job. */
async function startIdle(connectionString: string): Promise<void> {
  const logger = pino({ level: "warn" });
  const pool = makePool({
    connectionString,
    applicationName: "bench-idle",
    role: "app_worker",
    logger,
    max: QUEUE.concurrency + 2,
  });
  await run({
    ...QUEUE,
    pgPool: pool,
    noHandleSignals: true,
    logger: new WorkerLogger(() => () => undefined),
    taskList: { stripe_process_event: async () => {} },
  });
}

if (import.meta.main) await obeyParent(work);
