/**
 * inbox: whether an event costs more when there are many. Each size has a database of its own, with
 * so many events that are done with; they take turns, batch by batch. Receiving is the function
 * that the server calls, processing the one that an event's job calls, one transaction an event.
 * Baseline: the smallest. What a batch made is taken away, so that no size grows.
 */
import type pg from "pg";

import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import { receive } from "./inbox_statements.ts";
import type { Scale } from "./options.ts";
import { rateOf } from "./rate.ts";
import type { Outcome, Result } from "./report.ts";
import { makeEvents, type SignedEvent } from "./signed_events.ts";
import { pairedRatio, quantile } from "./statistics.ts";

const BATCH = 100;
const SETTLING = 2;
/** Of an event that is done with, about as many bytes as Stripe's smallest. */
const PAYLOAD_BYTES = 700;
const CUSTOMERS = Array.from({ length: BATCH }, (_, number) => `cus_bench${number}`);

export type InboxOptions = {
  server: BenchServer;
  scale: Pick<Scale, "inboxSizes" | "inboxRounds">;
  log: (line: string) => void;
};

type Step = "receive" | "process";
type Size = AsyncDisposable & {
  count: number;
  /** Microseconds of an event, round by round. */
  times: Record<Step, number[]>;
  round(): Promise<Record<Step, number>>;
};

export async function benchInbox({ server, scale, log }: InboxOptions): Promise<Outcome> {
  const sizes: Size[] = [];
  await using stack = new AsyncDisposableStack();
  for (const count of scale.inboxSizes) {
    log(`inbox: ${count} events`);
    const database = await server.createDatabase();
    stack.defer(() => server.dropDatabase(database));
    sizes.push(stack.use(await openSize(database, count)));
  }
  log("inbox: receiving and processing");
  for (let round = -SETTLING; round < scale.inboxRounds; round += 1) {
    for (let turn = 0; turn < sizes.length; turn += 1) {
      // The one that goes first changes with every round.
      const size = sizes[(turn + round + SETTLING) % sizes.length];
      const took = await size?.round();
      if (size === undefined || took === undefined || round < 0) continue;
      size.times.receive.push(took.receive);
      size.times.process.push(took.process);
    }
  }
  const [smallest, ...larger] = sizes;
  if (smallest === undefined) throw new Error("There are no sizes");
  const results = larger.flatMap((size) =>
    (["receive", "process"] as const).map((step) => compare(step, size, smallest)),
  );
  return { results, notes: [], plans: [] };
}

function compare(step: Step, size: Size, smallest: Size): Result {
  const [ours, theirs] = [size.times[step], smallest.times[step]];
  return {
    name: "inbox",
    case: `${step}, ${size.count} events in the inbox`,
    baseline: `the same with ${smallest.count} events`,
    unit: "µs an event",
    better: "lower",
    ratio: pairedRatio(ours, theirs),
    ours: quantile(ours, 0.5),
    theirs: quantile(theirs, 0.5),
  };
}

async function openSize({ urls }: BenchDatabase, count: number): Promise<Size> {
  await using stack = new AsyncDisposableStack();
  const superuser = stack.use(await connect(urls.superuser));
  await fill(superuser, count);
  const login = stack.use(await connect(urls.server));
  const worker = stack.use(await connect(urls.worker));
  await worker.query("set role app_worker");
  const ended = stack.move();
  return {
    count,
    times: { receive: [], process: [] },
    async round() {
      const events = makeEvents(BATCH, { customers: CUSTOMERS });
      const received = await rateOf(events, [({ payload }) => receive(login, payload)]);
      const processed = await rateOf(events, [(event) => process(worker, event)]);
      await takeAway(superuser, events);
      return { receive: 1e6 / received, process: 1e6 / processed };
    },
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}

async function process(database: pg.ClientBase, { id }: SignedEvent): Promise<void> {
  await database.query({
    name: "process_stripe_event",
    text: "select * from app_private.process_stripe_event($1)",
    values: [id],
  });
}

/** As 45 days leave it: nearly everything processed, some of it never ours, in order of arrival. */
async function fill(client: pg.Client, count: number): Promise<void> {
  await client.query("set maintenance_work_mem = '512MB'");
  await client.query(
    `insert into app_private.stripe_events (
      id, type, object_type, object_id, customer_id, livemode, api_version, status, payload,
      created_at, received_at, received_seq, processed_at
    )
    select
      'evt_old' || md5(n::text), 'invoice.paid', 'invoice', 'in_' || n,
      'cus_old' || n % greatest($1 / 50, 1), false, '2026-10-28.endive',
      case n % 100 when 0 then 'foreign' when 1 then 'ignored' else 'processed' end,
      json_build_object('id', 'evt_old' || n, 'padding', repeat('x', $2)),
      arrived.at, arrived.at, nextval('app_private.stripe_sync_seq'), arrived.at
    from generate_series(1, $1) n
    cross join lateral (
      select now() - interval '45 days' * (1 - n / $1::double precision) as at
    ) as arrived`,
    [count, PAYLOAD_BYTES],
  );
  await client.query("vacuum (analyze) app_private.stripe_events");
  await client.query("checkpoint");
}

async function takeAway(client: pg.Client, events: readonly SignedEvent[]): Promise<void> {
  await client.query("delete from app_private.stripe_events where id = any ($1)", [
    events.map(({ id }) => id),
  ]);
  await client.query("delete from graphile_worker._private_jobs");
  await client.query("delete from graphile_worker._private_job_queues");
  await client.query("vacuum app_private.stripe_events");
  await client.query("vacuum graphile_worker._private_jobs");
}
