/**
 * webhooks: what it costs to accept an event.
 *
 * "over HTTP": signed POSTs to the real server, production settings, against the bare insert of the
 * same row, prepared, over as many connections straight to PostgreSQL, and against the least that an
 * HTTP server could do. "SQL alone": app_private.receive_stripe_events, as the server's login,
 * against the bare insert.
 *
 * All write the same table and read the same JSON. The baselines book no job, verify nothing and
 * notify nobody; the bare insert does not even cross a second process.
 */
import { forkBareReceiver } from "./bare_receiver.ts";
import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import { insertBare, receive } from "./inbox_statements.ts";
import { withConnections } from "./load.ts";
import type { Scale } from "./options.ts";
import { productionConfig } from "./production_config.ts";
import { rateOf } from "./rate.ts";
import type { Outcome, Result } from "./report.ts";
import { forkServer } from "./server_process.ts";
import { makeEvents, type SignedEvent } from "./signed_events.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";

const CONNECTIONS = 16;
const KILOBYTE = 1024;
/** The least there is, what a subscription's takes, and an invoice of many lines. */
const SIZES = [1, 6, 32] as const;
/** Their number changes nothing here: an event is booked for itself. */
const CUSTOMERS = Array.from({ length: 100 }, (_, number) => `cus_bench${number}`);

const BARE = "the bare insert of the same row over as many connections";
const RECEIVER = "a bare node:http server that inserts the row";

export type WebhooksOptions = {
  server: BenchServer;
  scale: Pick<Scale, "webhookRounds" | "webhookEvents">;
  log: (line: string) => void;
};

type Side = { accept: (events: readonly SignedEvent[]) => Promise<number> };

export async function benchWebhooks({ server, scale, log }: WebhooksOptions): Promise<Outcome> {
  const database = await server.createDatabase();
  try {
    await using stack = new AsyncDisposableStack();
    log("webhooks: starting both servers");
    const config = await productionConfig(database.urls.server);
    stack.use(await forkServer({ kind: "ours", config }));
    const { superuser, server: login } = database.urls;
    const bareReceiver = stack.use(await forkBareReceiver({ databaseUrl: superuser }));
    const sides = {
      http: overHttp(config.port),
      receiver: overHttp(bareReceiver.ready),
      sql: await overSql(login, receive, stack),
      bare: await overSql(superuser, insertBare, stack),
    };
    const results: Result[] = [];
    for (const size of SIZES) {
      const measured = (what: string, baseline: string, ours: Side, theirs: Side) => {
        log(`webhooks: ${size} KB, ${what}`);
        return measure({ what, baseline, size, database, ours, theirs }, scale);
      };
      results.push(await measured("over HTTP", BARE, sides.http, sides.bare));
      results.push(await measured("over HTTP", RECEIVER, sides.http, sides.receiver));
      results.push(await measured("SQL alone", BARE, sides.sql, sides.bare));
    }
    return { results, notes: [], plans: [] };
  } finally {
    await server.dropDatabase(database);
  }
}

type Comparison = {
  what: string;
  baseline: string;
  size: number;
  database: BenchDatabase;
  ours: Side;
  theirs: Side;
};

async function measure(
  { what, baseline, size, database, ours, theirs }: Comparison,
  { webhookRounds, webhookEvents }: WebhooksOptions["scale"],
): Promise<Result> {
  const shape = { customers: CUSTOMERS, bytes: size * KILOBYTE };
  const run = (side: Side) => () => side.accept(makeEvents(webhookEvents, shape));
  await interleave(1, run(ours), run(theirs));
  const rates = await interleave(webhookRounds, run(ours), run(theirs));
  await empty(database);
  return {
    name: "webhooks",
    case: `${size} KB, ${what} against ${baseline === BARE ? "the insert" : "a bare server"}`,
    baseline,
    unit: "events/s",
    better: "higher",
    ratio: pairedRatio(rates.ours, rates.theirs),
    ours: quantile(rates.ours, 0.5),
    theirs: quantile(rates.theirs, 0.5),
  };
}

/** Each event in a request of its own, on connections that stay open for the slice. */
function overHttp(port: number): Side {
  return {
    accept: (events) =>
      withConnections(port, CONNECTIONS, (connections) =>
        rateOf(
          events,
          connections.map(
            ({ ask }) =>
              ({ request }) =>
                ask(request),
          ),
        ),
      ),
  };
}

async function overSql(
  url: string,
  statement: typeof receive,
  stack: AsyncDisposableStack,
): Promise<Side> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(url)));
  for (const client of clients) stack.use(client);
  const workers = clients.map(
    (client) =>
      ({ payload }: SignedEvent) =>
        statement(client, payload),
  );
  return { accept: (events) => rateOf(events, workers) };
}

async function empty({ urls }: BenchDatabase): Promise<void> {
  await using client = await connect(urls.superuser);
  await client.query("truncate app_private.stripe_events, graphile_worker._private_jobs");
}
