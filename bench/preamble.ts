/**
 * preamble: what a request's transaction costs beside its statement. A point read, each time on a
 * connection lent by a pool, by three ways that take turns call by call:
 *
 * Ours: server/pg_service.ts, as the API uses it: app_private.enter() and the read leave in one
 * message, which is one transaction.
 * Baseline "no RLS, no transaction": the read alone, with the tenant in it, by a role with
 * BYPASSRLS.
 * Baseline "stock adaptor": PostGraphile's own, which sets role and tenant in a transaction, under
 * our policies. To its advantage: it checks no membership.
 *
 * Over a unix socket, over TCP on this machine, and over TCP with a millisecond a round trip added.
 */
import "../server/graphile_env.ts";

import type { WithPgClient } from "postgraphile/@dataplan/pg";
import { createWithPgClient } from "postgraphile/adaptors/pg";
import { pino } from "pino";

import { makePool } from "../server/database.ts";
import { makeRowhousePgService } from "../server/pg_service.ts";
import { separateCpus } from "./cpus.ts";
import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import type { Scale } from "./options.ts";
import type { Outcome, Result } from "./report.ts";
import type { Seeded } from "./seed.ts";
import { pairedRatio, quantile } from "./statistics.ts";
import { readTenants } from "./tenants.ts";

const ADDED_MS = 1;
/** Calls of each way in a round; the round's figure is their median. */
const CALLS = 15;
const WARM_UP = 3;

const READ =
  "select projects.name, projects.status, projects.created_at from app_public.projects " +
  "where projects.id = $1";
const READ_OF_TENANT = `${READ} and projects.tenant_id = $2`;

export type PreambleOptions = {
  server: BenchServer;
  database: BenchDatabase;
  seeded: Seeded;
  scale: Pick<Scale, "preambleRounds">;
  log: (line: string) => void;
};

type Link = { name: string; via: (url: string) => string };

export async function benchPreamble(options: PreambleOptions): Promise<Outcome> {
  const { server, database, seeded, scale, log } = options;
  await using cpus = await separateCpus(server, database);
  const outcome: Outcome = { results: [], notes: [`preamble: ${cpus.note}`], plans: [] };
  await using superuser = await connect(database.urls.superuser);
  const [tenant] = await readTenants(superuser, [seeded.tenantId]);
  const ids = tenant?.ids ?? [];
  await using proxy = await startDelayProxy(database.urls.server, ADDED_MS);

  const links: Link[] = [
    { name: "unix socket", via: (url) => server.overSocket(url) ?? url },
    { name: "TCP", via: (url) => url },
    { name: `TCP + ${ADDED_MS} ms`, via: proxy.throughIt },
  ];
  if (server.overSocket(database.urls.server) === undefined) {
    links.shift();
    outcome.notes.push("preamble: the server has no unix socket within reach");
  }
  for (const link of links) {
    log(`preamble: ${link.name}`);
    const rounds = scale.preambleRounds;
    outcome.results.push(...(await measure(link, { database, seeded, ids, rounds })));
  }
  outcome.notes.push(await describeDelay(database.urls.server, proxy.throughIt, scale));
  return outcome;
}

/** One read, by one way. */
type Way = (id: string) => Promise<void>;

async function measure(
  { name, via }: Link,
  options: { database: BenchDatabase; seeded: Seeded; ids: readonly string[]; rounds: number },
): Promise<Result[]> {
  const { database, seeded, ids, rounds } = options;
  await using stack = new AsyncDisposableStack();
  const ways = makeWays(stack, {
    seeded,
    server: via(database.urls.server),
    migrator: via(database.urls.migrator),
  });
  const medians = { ours: [] as number[], bare: [] as number[], stock: [] as number[] };
  const order = ["ours", "bare", "stock"] as const;
  for (let round = -WARM_UP; round < rounds; round += 1) {
    const times = { ours: [] as number[], bare: [] as number[], stock: [] as number[] };
    for (let call = 0; call < CALLS * order.length; call += 1) {
      // The one that goes first changes with every turn.
      const way = order[(call + Math.floor(call / order.length)) % order.length] ?? "ours";
      const id = ids[call % ids.length] ?? "";
      const startedAt = performance.now();
      await ways[way](id);
      times[way].push((performance.now() - startedAt) * 1000);
    }
    if (round >= 0) for (const way of order) medians[way].push(quantile(times[way], 0.5));
  }

  const result = (what: string, baseline: string, a: number[], b: number[]): Result => ({
    name: "preamble",
    case: `${what}, ${name}`,
    baseline,
    unit: "µs a read",
    better: "lower",
    ratio: pairedRatio(a, b),
    ours: quantile(a, 0.5),
    theirs: quantile(b, 0.5),
  });
  return [
    result("enter / bare read", "no RLS, no transaction", medians.ours, medians.bare),
    result("stock adaptor / bare read", "no RLS, no transaction", medians.stock, medians.bare),
    result("enter / stock adaptor", "stock adaptor", medians.ours, medians.stock),
  ];
}

function makeWays(
  stack: AsyncDisposableStack,
  { seeded, server, migrator }: { seeded: Seeded; server: string; migrator: string },
): Record<"ours" | "bare" | "stock", Way> {
  const { userId, tenantId } = seeded;
  const logger = pino({ level: "silent" });
  const lender = (connectionString: string, pipeline: boolean) => {
    const pool = makePool({ connectionString, applicationName: "bench", logger, max: 1, pipeline });
    stack.defer(() => pool.end());
    return pool;
  };
  const entering = makeRowhousePgService(lender(server, true)).adaptor.createWithPgClient({});
  const bare = createWithPgClient({ pool: lender(migrator, false) });
  const stock = createWithPgClient({ pool: lender(server, false) });
  const settings = { "app.current_user_id": userId, "app.current_tenant_id": tenantId };
  const ours = { role: "app_user", ...settings };
  return {
    ours: async (id) => read(await entering, ours, READ, [id]),
    bare: (id) => read(bare, null, READ_OF_TENANT, [id, tenantId]),
    stock: (id) => read(stock, ours, READ, [id]),
  };
}

async function read(
  withPgClient: WithPgClient,
  settings: Record<string, string> | null,
  text: string,
  values: string[],
): Promise<void> {
  const rows = await withPgClient(settings, async (client) => {
    const answer = await client.query({ name: "read", text, values });
    return answer.rows.length;
  });
  if (rows !== 1) throw new Error(`A point read found ${rows} rows`);
}

/** What the proxy adds to a round trip, by measuring the same one without it. */
async function describeDelay(
  url: string,
  throughIt: (url: string) => string,
  { preambleRounds }: { preambleRounds: number },
): Promise<string> {
  await using direct = await connect(url);
  await using delayed = await connect(throughIt(url));
  const added: number[] = [];
  for (let n = 0; n < preambleRounds * 5; n += 1) {
    const startedAt = performance.now();
    await direct.query("select");
    const between = performance.now();
    await delayed.query("select");
    added.push(performance.now() - between - (between - startedAt));
  }
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((part) => quantile(added, part).toFixed(2));
  return `preamble: the proxy adds ${median} ms to a round trip (middle half ${q1} to ${q3}).`;
}
