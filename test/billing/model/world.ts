/** Everything a round happens in: the two processes, their database, and Stripe. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { pino } from "pino";
import Stripe from "stripe";

import { syncCatalog } from "../../../cli/stripe_catalog.ts";
import { freePort } from "../../../dev/free_port.ts";
import { startStripeEmulator } from "../../../dev/stripe/emulator.ts";
import { makePool } from "../../../server/database.ts";
import { readOutbox, type KeptMail } from "../../../tasks/mail/outbox.ts";
import type { TestDatabase } from "../../support/index.ts";
import { recorder } from "../../support/stripe_contract/recording.ts";
import { startProcesses, type Processes } from "./processes.ts";

export type World = {
  url: string;
  stripeUrl: string;
  /** As the dashboard and Stripe's own machinery; not as Rowhouse. */
  stripe: Stripe;
  /** As a superuser. */
  admin: pg.Pool;
  processes: Processes;
  gracePeriodDays: number;
  /** What was asked by people who did not wait for the answer; none of it rejects. */
  errands: Promise<unknown>[];
  /** Every mail of this round, the newest first. */
  mails(): Promise<KeptMail[]>;
  /** Tells the emulator something under /_emulator. */
  control(path: string, body?: object): Promise<unknown>;
  /** An account at Stripe that has plans and nothing else, no tenants and no mails. */
  renew(): Promise<void>;
};

const SECRET_KEY = "sk_test_model";

/** Runs `use` in a world of its own. */
export async function withWorld<T>(
  database: TestDatabase,
  { gracePeriodDays }: { gracePeriodDays: number },
  use: (world: World) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const secret = `whsec_${randomBytes(18).toString("base64url")}`;
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), "rowhouse-model-"));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const outbox = join(home, "outbox");
  const emulator = stack.use(
    await startStripeEmulator({
      port: 0,
      observer: recorder,
      webhook: { url: `${url}/webhooks/stripe`, secret },
    }),
  );
  const stripe = stripeAt(emulator.url);
  await fillCatalog(database, stripe);

  const admin = new pg.Pool({ connectionString: database.urls.superuser, max: 4 });
  admin.on("error", () => {});
  stack.defer(() => admin.end());
  const environment = {
    DATABASE_URL: database.urls.server,
    WORKER_DATABASE_URL: database.urls.worker,
    PORT: String(port),
    AUTH_SECRET: randomBytes(32).toString("base64url"),
    STRIPE_SECRET_KEY: SECRET_KEY,
    STRIPE_WEBHOOK_SECRET: secret,
    STRIPE_API_BASE: emulator.url,
    // The emulator keeps no limit here, and rounds are many.
    STRIPE_CALLS_PER_SECOND: "1000",
    GRACE_PERIOD_DAYS: String(gracePeriodDays),
    ROWHOUSE_HOME: home,
    LOG_LEVEL: "fatal",
  };
  const processes = stack.use(startProcesses(environment, url, admin));
  await processes.ready();
  const control: World["control"] = (path, body = {}) => tell(emulator.url, path, body);
  return await use({
    url,
    stripeUrl: emulator.url,
    stripe,
    admin,
    processes,
    gracePeriodDays,
    control,
    errands: [],
    mails: () => readOutbox(outbox),
    async renew() {
      await control("reset");
      // Not deleted one by one: nobody is to withdraw them from a Stripe that knows them no more.
      await admin.query("truncate app_public.tenants cascade");
      await rm(outbox, { recursive: true, force: true });
      await fillCatalog(database, stripe);
    },
  });
}

/** Whoever looks in from outside meets the planned failures too, and tries again. */
function stripeAt(url: string): Stripe {
  const { hostname: host, port } = new URL(url);
  return new Stripe(SECRET_KEY, {
    protocol: "http",
    host,
    port: Number(port),
    telemetry: false,
    maxNetworkRetries: 4,
  });
}

async function tell(stripeUrl: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${stripeUrl}/_emulator/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function fillCatalog(database: TestDatabase, stripe: Stripe): Promise<void> {
  const pool = makePool({
    connectionString: database.urls.worker,
    applicationName: "test-catalog",
    role: "app_worker",
    logger: pino({ level: "silent" }),
    max: 1,
  });
  try {
    await syncCatalog(pool, stripe);
  } finally {
    await pool.end();
  }
}
