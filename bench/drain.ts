/**
 * drain: how fast a backlog is worked off, such as after an outage.
 *
 * Ours: events in the inbox, each with its job, about customers who are tenants; the worker hands
 * each to its customer, and copies each customer from the Stripe emulator. Two figures: until the
 * last event's job is done, and until the last event is processed, copies included.
 * Baseline: as many jobs with the same payloads and keys that do nothing, by graphile-worker with
 * the same settings. Either worker is a process of its own, on a database of its own.
 */
import type pg from "pg";

import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import type { Scale } from "./options.ts";
import { startPayers } from "./payers.ts";
import type { Outcome, Result } from "./report.ts";
import { pairedRatio } from "./statistics.ts";
import { NOTHING_PENDING, until } from "./until.ts";
import { forkWorker } from "./worker_process.ts";

const BASELINE = "graphile-worker with the same settings and jobs that do nothing";
const MINUTE_MS = 60_000;

export type DrainOptions = {
  server: BenchServer;
  scale: Pick<Scale, "drainEvents" | "drainCustomers">;
  log: (line: string) => void;
};

export async function benchDrain({ server, scale, log }: DrainOptions): Promise<Outcome> {
  const { drainEvents: events, drainCustomers } = scale;
  const databases = [await server.createDatabase(), await server.createDatabase()] as const;
  const [ours, idle] = databases;
  try {
    log(`drain: ${drainCustomers} customers`);
    await using stripe = await startPayers(drainCustomers, [ours]);
    const customers = stripe.payers.map(({ customer }) => customer);
    log(`drain: ${events} jobs that do nothing`);
    await fillIdle(idle, events);
    const theirs = await timeIdle(idle);
    log(`drain: ${events} events`);
    await fillInbox(ours, events, customers);
    const { jobs, all } = await timeOurs(ours, stripe.stripePort);
    const result = (what: string, ms: number): Result => ({
      name: "drain",
      case: `${events} events of ${drainCustomers} customers, ${what}`,
      baseline: BASELINE,
      unit: "a minute",
      better: "higher",
      ratio: pairedRatio([theirs / ms], [1]),
      ours: (events * MINUTE_MS) / ms,
      theirs: (events * MINUTE_MS) / theirs,
    });
    return {
      results: [result("their jobs", jobs), result("until all are processed", all)],
      notes: [],
      plans: [],
    };
  } finally {
    for (const database of databases) await server.dropDatabase(database);
  }
}

/** Booked as they come: by the function that the server calls. */
async function fillInbox(
  { urls }: BenchDatabase,
  events: number,
  customers: readonly string[],
): Promise<void> {
  await using client = await connect(urls.superuser);
  await client.query(
    `select app_private.receive_stripe_events(
      null, false,
      array['evt_drain' || n], array['invoice.paid'], array['invoice'], array['in_' || n],
      array[($2::text[])[1 + n % cardinality($2::text[])]], array[null], array[false],
      array['2026-10-28.endive'], array[extract(epoch from now())],
      array[json_build_object('id', 'evt_drain' || n)]
    )
    from generate_series(1, $1) n`,
    [events, customers],
  );
  await settleTables(client);
}

async function fillIdle({ urls }: BenchDatabase, jobs: number): Promise<void> {
  await using client = await connect(urls.superuser);
  await client.query("select graphile_worker.add_job('stripe_process_event', '{}')");
  await client.query(
    `insert into graphile_worker._private_jobs (task_id, payload, key)
    select tasks.id, json_build_object('event_id', 'evt_drain' || n), 'stripe_event:evt_drain' || n
    from graphile_worker._private_tasks as tasks, generate_series(2, $1) n
    where tasks.identifier = 'stripe_process_event'`,
    [jobs],
  );
  await settleTables(client);
}

/** As autovacuum would in time, lest it runs while one side is measured. */
async function settleTables(client: pg.Client): Promise<void> {
  await client.query("vacuum (analyze) app_private.stripe_events");
  await client.query("vacuum (analyze) graphile_worker._private_jobs");
  await client.query("checkpoint");
}

const NO_EVENT_JOBS = `
  select not exists (
    select from graphile_worker._private_jobs as jobs
    join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
    where tasks.identifier = 'stripe_process_event'
  ) as holds`;
async function timeIdle({ urls }: BenchDatabase): Promise<number> {
  await using client = await connect(urls.superuser);
  await using _worker = await forkWorker({ kind: "idle", databaseUrl: urls.worker });
  return await until(client, NO_EVENT_JOBS, performance.now());
}

async function timeOurs(
  { urls }: BenchDatabase,
  stripePort: number,
): Promise<{ jobs: number; all: number }> {
  await using client = await connect(urls.superuser);
  await using _worker = await forkWorker({ kind: "ours", databaseUrl: urls.worker, stripePort });
  const startedAt = performance.now();
  const jobs = await until(client, NO_EVENT_JOBS, startedAt);
  return { jobs, all: await until(client, NOTHING_PENDING, startedAt) };
}
