/** The tasks by hand: a Stripe emulator, the worker's rights, and jobs that run when a test says. */
import { randomUUID } from "node:crypto";

import { Logger, type JobHelpers } from "graphile-worker";
import type pg from "pg";
import { pino } from "pino";
import { Stripe } from "stripe";

import { syncCatalog } from "../../cli/stripe_catalog.ts";
import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { makePool } from "../../server/database.ts";
import { makeTaskList, type TaskOptions } from "../../tasks/index.ts";
import type { Mail } from "../../tasks/mail/mail.ts";
import { asIdentity, asUser } from "./acting.ts";
import { test as base } from "./index.ts";
import { rowOf } from "./query.ts";
import { runJobs } from "./run_jobs.ts";
import { withClient, type TestDatabase } from "./server.ts";
import { recorder } from "./stripe_contract/recording.ts";

export type FaultKind =
  "402" | "409" | "429" | "429_lock_timeout" | "500_before" | "500_after" | "reset_after" | "slow";

export type Workshop = {
  database: TestDatabase;
  /** What the tasks are given; the SDK retries nothing, so that each failure reaches the task. */
  options: TaskOptions;
  /** For the test's own calls. */
  stripe: Stripe;
  stripeUrl: string;
  /** What the tasks have sent. */
  mails: Mail[];
  /** As the worker's login and role. */
  pool: pg.Pool;
  /** What the worker gives a task, for calling one directly. */
  helpers: JobHelpers;
  /** A new tenant on the plan pro, its job not yet run. */
  found(): Promise<string>;
  /** Tells the emulator something under /_emulator. */
  control(path: string, body: object): Promise<unknown>;
  /** Runs what is due; what failed, again and at once, until nothing fails any more. */
  settle(options?: Partial<TaskOptions>, patience?: { tries: number }): Promise<void>;
  /** The tenant's customers and subscriptions at Stripe, by their metadata. */
  atStripe(tenantId: string): Promise<{
    customers: Stripe.Customer[];
    subscriptions: Stripe.Subscription[];
  }>;
};

const logger = pino({ level: "silent" });
const silent = new Logger(() => () => undefined);

/** `test` with `workshop`, one for the file. */
export const test = base.extend<{ $file: { workshop: Workshop } }>({
  workshop: [
    async ({ database }, use) => {
      await using emulator = await startStripeEmulator({ port: 0, observer: recorder });
      await withWorkshop(database, emulator.url, use);
    },
    { scope: "file" },
  ],
});

/** Runs `use` with the tasks of a deployment that has this database, and an account at `stripeUrl`. */
export async function withWorkshop(
  database: TestDatabase,
  stripeUrl: string,
  use: (workshop: Workshop) => Promise<void>,
): Promise<void> {
  const pool = makePool({
    connectionString: database.urls.worker,
    applicationName: "test-tasks",
    role: "app_worker",
    logger,
  });
  try {
    const stripe = withoutRetries(stripeUrl, "Rowhouse");
    await syncCatalog(pool, stripe);
    await use(workshop(database, stripeUrl, stripe, pool));
  } finally {
    await pool.end();
  }
}

/** The name is how the emulator's recorder knows the calls of the tasks from those of the tests. */
function withoutRetries(url: string, name: string): Stripe {
  const { hostname: host, port } = new URL(url);
  return new Stripe("sk_test_tasks", {
    protocol: "http",
    host,
    port: Number(port),
    telemetry: false,
    maxNetworkRetries: 0,
    appInfo: { name },
  });
}

function workshop(
  database: TestDatabase,
  stripeUrl: string,
  tasksStripe: Stripe,
  pool: pg.Pool,
): Workshop {
  const stripe = withoutRetries(stripeUrl, "Test");
  const mails: Mail[] = [];
  const options: TaskOptions = {
    stripe: tasksStripe,
    configuredPrices: {},
    gracePeriodDays: 14,
    ours: { livemode: false, accountId: undefined },
    webhookUrl: "https://app.example.com/webhooks/stripe",
    mailer: {
      async send(mail) {
        mails.push(mail);
      },
    },
    appUrl: "https://app.example.com",
  };
  const asSuperuser = <T>(work: (client: pg.Client) => Promise<T>) =>
    withClient(database.urls.superuser, work);
  return {
    database,
    options,
    stripe,
    stripeUrl,
    mails,
    pool,
    helpers: {
      query: pool.query.bind(pool),
      logger: silent,
    } as unknown as JobHelpers,
    found: () => asSuperuser(foundTenant),
    async control(path, body) {
      const response = await fetch(`${stripeUrl}/_emulator/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
    settle: (changes = {}, patience) =>
      runJobs(database, pool, makeTaskList({ ...options, ...changes }), patience),
    async atStripe(tenantId) {
      const all = await stripe.customers.list({ limit: 100 }).autoPagingToArray({ limit: 1000 });
      const customers = all.filter(({ metadata }) => metadata["tenant_id"] === tenantId);
      const owned = await Promise.all(
        customers.map(({ id }) => stripe.subscriptions.list({ customer: id, status: "all" })),
      );
      return { customers, subscriptions: owned.flatMap(({ data }) => data) };
    },
  };
}

async function foundTenant(client: pg.Client): Promise<string> {
  await client.query("begin");
  const { id: userId } = await asIdentity(client, () =>
    rowOf<{ id: string }>(
      client,
      "insert into auth.users (email, name) values ($1, 'Alice') returning id",
      [`${randomUUID()}@example.com`],
    ),
  );
  const { id } = await asUser(client, { userId }, () =>
    rowOf<{ id: string }>(client, "select id from app_public.create_tenant('Acme', 'pro')"),
  );
  await client.query("commit");
  return id;
}
