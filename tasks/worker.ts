import { Logger as WorkerLogger, run, type Runner } from "graphile-worker";
import type { Logger } from "pino";

import type { WorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { guardStartup } from "../server/startup_guard.ts";
import { CRONTAB } from "./crontab.ts";
import { makeTaskList } from "./index.ts";
import { makeMailer } from "./mail/mailer.ts";
import { makeStripe } from "./stripe_client.ts";

/** Mostly waiting for Stripe, so more than there are cores. */
const CONCURRENCY = 8;

export type RunningWorker = { close(): Promise<void> };

/** Starts the worker process: resolves when it takes jobs, rejects with the reason it can't. */
export async function startWorker(config: WorkerConfig, logger: Logger): Promise<RunningWorker> {
  const pool = makePool({
    connectionString: config.databaseUrl,
    applicationName: "rowhouse-worker",
    role: "app_worker",
    logger,
    max: CONCURRENCY + 2,
  });
  let runner: Runner;
  try {
    await guardStartup({
      pools: [{ pool, role: "app_worker" }],
      databaseUrl: config.databaseUrl,
      isProduction: config.isProduction,
      logger,
    });
    runner = await run({
      pgPool: pool,
      concurrency: CONCURRENCY,
      pollInterval: 1_000,
      noHandleSignals: true,
      crontab: CRONTAB,
      logger: workerLogger(logger),
      taskList: makeTaskList({
        stripe: makeStripe(config.stripe),
        configuredPrices: config.stripe.configuredPrices,
        livemode: config.stripe.livemode,
        webhookUrl: config.webhookUrl,
        gracePeriodDays: config.gracePeriodDays,
        mailer: makeMailer(config.mail),
        appUrl: config.appUrl,
      }),
    });
  } catch (error) {
    await pool.end();
    throw error;
  }
  // Also when it stops by itself, the failure is logged; close() must not throw it again.
  const stopped = runner.promise.catch((error: unknown) => {
    logger.fatal({ err: error }, "the worker stopped");
  });
  return {
    async close() {
      await runner.stop().catch(() => undefined);
      await stopped;
      await pool.end();
    },
  };
}

/** graphile-worker's log lines as ours, with the job they are about. */
function workerLogger(logger: Logger): WorkerLogger {
  return new WorkerLogger((scope) => (level, message, meta) => {
    const { error } = { error: undefined, ...meta };
    const line = { ...scope, ...(error === undefined ? {} : { err: error }) };
    // Every start and success of a job is "info" to it; one line a job is "debug" to an operator.
    logger[level === "warning" ? "warn" : level === "info" ? "debug" : level](line, message);
  });
}
