import { EventEmitter } from "node:events";

import {
  Logger as WorkerLogger,
  run,
  type Runner,
  type RunnerOptions,
  type WorkerEvents,
} from "graphile-worker";
import type pg from "pg";
import type { Logger } from "pino";

import type { WorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { guardStartup } from "../server/startup_guard.ts";
import { CRONTAB } from "./crontab.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { makeTaskList } from "./index.ts";
import { guardTasks, isWaiting } from "./job_guard.ts";
import { makeMailer } from "./mail/mailer.ts";
import { fingerprintOf, makeStripe, PROBE_NAME } from "./stripe_client.ts";
import { startStripeProbe } from "./stripe_probe.ts";

/** Jobs mostly wait for Stripe, so more at once than there are cores. */
export const QUEUE = { concurrency: 8, pollInterval: 1_000 } as const;

export type RunningWorker = {
  close(): Promise<void>;
  /** Resolves when it takes no jobs any more, by itself or because it was closed. */
  readonly ended: Promise<void>;
};

/** Starts the worker process: resolves when it takes jobs, rejects with the reason it can't. */
export async function startWorker(config: WorkerConfig, logger: Logger): Promise<RunningWorker> {
  const shared = { connectionString: config.databaseUrl, role: "app_worker", logger } as const;
  const pool = makePool({
    ...shared,
    applicationName: "rowhouse-worker",
    max: QUEUE.concurrency + 2,
  });
  const upkeepPool = makePool({ ...shared, applicationName: "rowhouse-worker-upkeep", max: 1 });
  const endPools = () => Promise.all([pool.end(), upkeepPool.end()]);
  const events: WorkerEvents = new EventEmitter();
  const workerId = new Promise<string>((resolve) => {
    events.once("pool:create", ({ workerPool }) => resolve(workerPool.id));
  });
  let runner: Runner;
  try {
    await guardStartup({
      pools: [{ pool, role: "app_worker" }],
      databaseUrl: config.databaseUrl,
      isProduction: config.isProduction,
      logger,
    });
    await pool.query("select app_private.resume_stripe_with_key($1)", [
      fingerprintOf(config.stripe.secretKey),
    ]);
    runner = await run({ ...queueOptions(config, pool, logger), events });
  } catch (error) {
    await endPools();
    throw error;
  }
  const upkeep = startUpkeep(config, { pool: upkeepPool, workerId: await workerId, logger });
  // Also when it stops by itself, the failure is logged; close() must not throw it again. Either
  // way it lives no longer: what it may have left locked must not be kept for it.
  const ended = runner.promise
    .catch((error: unknown) => {
      logger.fatal({ err: error }, "the worker stopped");
    })
    .then(() => upkeep.stop());
  return {
    ended,
    async close() {
      await runner.stop().catch(() => undefined);
      await ended;
      await endPools();
    },
  };
}

function queueOptions(config: WorkerConfig, pool: pg.Pool, logger: Logger): RunnerOptions {
  return {
    ...QUEUE,
    pgPool: pool,
    noHandleSignals: true,
    crontab: CRONTAB,
    logger: workerLogger(logger),
    taskList: guardTasks(
      makeTaskList({
        stripe: makeStripe(config.stripe, { pool, logger }),
        configuredPrices: config.stripe.configuredPrices,
        ours: { livemode: config.stripe.livemode, accountId: config.stripe.accountId },
        webhookUrl: config.webhookUrl,
        gracePeriodDays: config.gracePeriodDays,
        mailer: makeMailer(config.mail),
        appUrl: config.appUrl,
      }),
    ),
  };
}

/** What goes on beside the jobs: the heartbeat, and the probe while Stripe refuses our key. */
function startUpkeep(
  { stripe }: WorkerConfig,
  { pool, workerId, logger }: { pool: pg.Pool; workerId: string; logger: Logger },
) {
  const heartbeat = startHeartbeat({ pool, workerId, logger });
  const probe = startStripeProbe({
    pool,
    stripe: makeStripe(stripe, undefined, PROBE_NAME),
    logger,
  });
  return {
    async stop(): Promise<void> {
      await probe.stop();
      await heartbeat.stop().catch((error: unknown) => {
        logger.warn({ err: error }, "could not say that the worker has stopped");
      });
    },
  };
}

/** graphile-worker's log lines as ours, with the job they are about. */
function workerLogger(logger: Logger): WorkerLogger {
  return new WorkerLogger((scope) => (level, message, meta) => {
    const { error } = { error: undefined, ...meta };
    const line = { ...scope, ...(error === undefined ? {} : { err: error }) };
    // Every start and success of a job is "info" to it; one line a job is "debug" to an operator. A
    // job that has to wait for Stripe is no error: the pause has told of it.
    const isQuiet = level === "info" || isWaiting(error);
    logger[isQuiet ? "debug" : level === "warning" ? "warn" : level](line, message);
  });
}
