/**
 * latency: how long after Stripe's POST the tenant's row shows what has changed.
 *
 * Server, worker and Stripe emulator are processes of their own. A subscription is changed at the
 * emulator, then the event is posted; the time runs from there to the commit of the row. "idle": one
 * change after another. "busy": 200 events a second, at fixed times, whatever has become of those
 * before; five tell of each change, as at a renewal. Every change is of another customer, so that
 * nothing is saved but between the five.
 *
 * Baseline, idle: the calls to Stripe that a copy takes, and nothing else. Busy: the idle ones.
 */
import { setTimeout as delay } from "node:timers/promises";

import { fetchCustomer } from "../tasks/stripe_customer_truth.ts";
import type { BenchServer } from "./database.ts";
import { openConnection, type Connection } from "./load.ts";
import type { Scale } from "./options.ts";
import { startPayers, type Payer, type Payers } from "./payers.ts";
import { productionConfig } from "./production_config.ts";
import type { Outcome, Result } from "./report.ts";
import { forkServer } from "./server_process.ts";
import { makeEvents, type SignedEvent } from "./signed_events.ts";
import { pairedRatio, quantile } from "./statistics.ts";
import { openTold, type Told } from "./told.ts";
import { forkWorker } from "./worker_process.ts";

const EVENTS_PER_SECOND = 200;
const EVENTS_PER_CHANGE = 5;
const EVENT_BYTES = 6 * 1024;
/** Changes are made at Stripe before their events are due. */
const AHEAD_MS = 200;
const STEP_MS = 1000 / EVENTS_PER_SECOND;
const WARM_UP = 20;

export type LatencyOptions = {
  server: BenchServer;
  scale: Pick<Scale, "latencyChanges" | "latencySeconds">;
  log: (line: string) => void;
};

type Running = {
  stripe: Payers;
  told: Told;
  post: (event: SignedEvent) => Promise<void>;
  /** Ends a subscription with its period, or not any more: what the tenant's row shows. */
  change: (payer: Payer) => Promise<void>;
};
type Times = { row: number[]; processed: number[]; calls: number[]; perSecond: number };

export async function benchLatency({ server, scale, log }: LatencyOptions): Promise<Outcome> {
  const database = await server.createDatabase();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.dropDatabase(database));
  const changes = (scale.latencySeconds * EVENTS_PER_SECOND) / EVENTS_PER_CHANGE;
  log(`latency: ${changes} tenants that pay`);
  const stripe = stack.use(await startPayers(changes, [database]));
  const config = await productionConfig(database.urls.server);
  const { stripePort } = stripe;
  stack.use(await forkServer({ kind: "ours", config }));
  stack.use(await forkWorker({ kind: "ours", databaseUrl: database.urls.worker, stripePort }));
  const running: Running = {
    stripe,
    told: stack.use(await openTold(database)),
    post: poster(config.port),
    change: changer(stripe),
  };
  log("latency: idle");
  await runIdle(running, WARM_UP);
  const idle = await runIdle(running, scale.latencyChanges);
  log(`latency: ${EVENTS_PER_SECOND} events a second`);
  const busy = await runBusy(running, changes);
  return {
    results: [0.5, 0.99].flatMap((fraction) => compare(fraction, idle, busy)),
    notes: [`latency: ${busy.perSecond.toFixed(0)} events a second were sent when busy.`],
    plans: [],
  };
}

function compare(fraction: number, idle: Times, busy: Times): Result[] {
  const name = fraction === 0.5 ? "median" : "p99";
  const result = (what: string, baseline: string, ours: number[], theirs: number[]): Result => {
    const [a, b] = [quantile(ours, fraction), quantile(theirs, fraction)];
    return {
      name: "latency",
      case: `${what}, ${name}`,
      baseline,
      unit: "ms",
      better: "lower",
      ratio: pairedRatio([a], [b]),
      ours: a,
      theirs: b,
    };
  };
  const atBusy = `at ${EVENTS_PER_SECOND} events/s`;
  return [
    result("to the tenant's row, idle", "the calls to Stripe alone", idle.row, idle.calls),
    result("to processed, idle", "the calls to Stripe alone", idle.processed, idle.calls),
    result(`to the tenant's row, ${atBusy}`, "the same, idle", busy.row, idle.row),
    result(`to processed, ${atBusy}`, "the same, idle", busy.processed, idle.processed),
  ];
}

async function runIdle(running: Running, count: number): Promise<Times> {
  const times: Times = { row: [], processed: [], calls: [], perSecond: 0 };
  for (let number = 0; number < count; number += 1) {
    const payer = payerOf(running, number);
    await running.change(payer);
    const [event] = makeEvents(1, { customers: [payer.customer], bytes: EVENT_BYTES });
    if (event === undefined) continue;
    await send(running, { payer, event, isFirst: true }, times);
    const askedAt = performance.now();
    const options = { configuredPrices: {}, unsettledInvoiceIds: [], isDeleted: false };
    await fetchCustomer(running.stripe.stripe, payer.customer, options);
    times.calls.push(performance.now() - askedAt);
  }
  return times;
}

async function runBusy(running: Running, changes: number): Promise<Times> {
  const times: Times = { row: [], processed: [], calls: [], perSecond: 0 };
  const startAt = performance.now() + AHEAD_MS;
  const sent: number[] = [];
  async function runChange(number: number): Promise<void> {
    const payer = payerOf(running, number);
    const dueAt = startAt + number * EVENTS_PER_CHANGE * STEP_MS;
    await sleepUntil(dueAt - AHEAD_MS);
    await running.change(payer);
    const shape = { customers: [payer.customer], bytes: EVENT_BYTES };
    const sending: Promise<void>[] = [];
    for (const [place, event] of makeEvents(EVENTS_PER_CHANGE, shape).entries()) {
      await sleepUntil(dueAt + place * STEP_MS);
      sent.push(performance.now());
      sending.push(send(running, { payer, event, isFirst: place === 0 }, times));
    }
    await Promise.all(sending);
  }
  await Promise.all(Array.from({ length: changes }, (_, number) => runChange(number)));
  const took = Math.max(...sent) - Math.min(...sent);
  return { ...times, perSecond: (sent.length * 1000) / took };
}

/** Posts an event and waits for what it leads to. Only the first of a change tells anything new. */
async function send(
  { told, post }: Running,
  { payer, event, isFirst }: { payer: Payer; event: SignedEvent; isFirst: boolean },
  times: Times,
): Promise<void> {
  const processed = told.when(event.id);
  const row = isFirst ? told.when(payer.tenantId) : undefined;
  const postedAt = performance.now();
  const [processedAt, shownAt] = await Promise.all([processed, row, post(event)]);
  times.processed.push(processedAt - postedAt);
  if (shownAt !== undefined) times.row.push(shownAt - postedAt);
}

function payerOf({ stripe: { payers } }: Running, number: number): Payer {
  const payer = payers[number % payers.length];
  if (payer === undefined) throw new Error("There are no tenants");
  return payer;
}

async function sleepUntil(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await delay(ms);
}

function changer({ stripe }: Payers): Running["change"] {
  const ending = new Set<string>();
  return async function change({ subscription }) {
    const isEnding = !ending.has(subscription);
    await stripe.subscriptions.update(subscription, { cancel_at_period_end: isEnding });
    if (isEnding) ending.add(subscription);
    else ending.delete(subscription);
  };
}

/** Whoever comes while all connections are busy gets another: nobody waits for one. */
function poster(port: number): Running["post"] {
  const free: Connection[] = [];
  return async function post({ request }) {
    const connection = free.pop() ?? (await openConnection(port));
    await connection.ask(request);
    free.push(connection);
  };
}
