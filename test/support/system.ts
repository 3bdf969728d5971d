import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino, type Logger } from "pino";
import Stripe from "stripe";

import { syncCatalog } from "../../cli/stripe_catalog.ts";
import { freePort } from "../../dev/free_port.ts";
import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import type { ServerConfig } from "../../server/config.ts";
import { makePool } from "../../server/database.ts";
import { startServer } from "../../server/server.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { startWorker } from "../../tasks/worker.ts";
import { test as base } from "./index.ts";
import type { TestDatabase } from "./server.ts";
import { recorder } from "./stripe_contract/recording.ts";

/** Everything that `npm start` runs, on a database of the test file's own. */
export type System = {
  url: string;
  stripeUrl: string;
  webhookSecret: string;
  /** The real SDK, speaking to the emulator. */
  stripe: Stripe;
};

export type SystemOptions = {
  gracePeriodDays?: number;
  /** Left out when a test runs the tasks itself. */
  worker?: boolean;
  /** Where the lines of both processes go; nowhere by default. */
  logger?: Logger;
  /** What the server is told besides. */
  config?: Partial<ServerConfig>;
};

const SECRET_KEY = "sk_test_system";
const silent = pino({ level: "silent" });

/** Runs `use` with the whole system up; takes it down again, also when `use` throws. */
export async function withSystem<T>(
  database: TestDatabase,
  { gracePeriodDays = 14, worker = true, logger = silent, config = {} }: SystemOptions,
  use: (system: System) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const webhookSecret = `whsec_${randomBytes(18).toString("base64url")}`;
  await using emulator = await startStripeEmulator({
    port: 0,
    observer: recorder,
    webhook: { url: `${url}/webhooks/stripe`, secret: webhookSecret },
  });
  const apiBase = new URL(emulator.url);
  const stripe = makeStripe({ secretKey: SECRET_KEY, apiBase });
  await fillCatalog(database, stripe);

  await using stack = new AsyncDisposableStack();
  const outboxDirectory = await mkdtemp(join(tmpdir(), "rowhouse-outbox-"));
  stack.defer(() => rm(outboxDirectory, { recursive: true, force: true }));
  const server = await startServer(
    {
      databaseUrl: database.urls.server,
      host: "127.0.0.1",
      port,
      publicUrl: url,
      appUrl: url,
      outboxDirectory,
      corsOrigins: ["https://app.example.com"],
      trustedProxies: [],
      maxWebsockets: 100,
      authSecret: randomBytes(32).toString("base64url"),
      externalProviders: [],
      stripeWebhookSecrets: [webhookSecret],
      stripeLivemode: false,
      // Without a worker nobody answers.
      billingWaitSeconds: worker ? 10 : 0,
      isProduction: false,
      logLevel: "silent",
      ...config,
    },
    logger,
  );
  stack.defer(() => server.close());
  if (worker) {
    const running = await startWorker(
      {
        databaseUrl: database.urls.worker,
        // The emulator has no limits, and tests no time.
        stripe: { secretKey: SECRET_KEY, apiBase, configuredPrices: {}, callsPerSecond: 10_000 },
        gracePeriodDays,
        isProduction: false,
        mail: {
          from: { name: "Rowhouse", address: "rowhouse@example.com" },
          destination: { outboxDirectory },
        },
        appUrl: url,
        logLevel: "silent",
      },
      logger,
    );
    stack.defer(() => running.close());
  }
  return await use({ url, stripeUrl: emulator.url, webhookSecret, stripe: testsStripe(apiBase) });
}

/** `system`: one for the file, with a grace period of 14 days. */
export const test = base.extend<{ $file: { system: System } }>({
  system: [
    async ({ database }, use) => {
      await withSystem(database, {}, use);
    },
    { scope: "file" },
  ],
});

/** The tests' calls are not ours, so they go by another name. */
function testsStripe({ hostname: host, port }: URL): Stripe {
  return new Stripe(SECRET_KEY, { protocol: "http", host, port, telemetry: false });
}

async function fillCatalog(database: TestDatabase, stripe: Stripe): Promise<void> {
  const pool = makePool({
    connectionString: database.urls.worker,
    applicationName: "test-catalog",
    role: "app_worker",
    logger: silent,
    max: 1,
  });
  try {
    await syncCatalog(pool, stripe);
  } finally {
    await pool.end();
  }
}
