/**
 * policies: what row-level security costs a statement.
 *
 * Ours: the statement as the API sends it, without a tenant in it, by the server's login after
 * app_private.enter(), as app_user, under our policies.
 * Baseline: the same statement with an explicit tenant_id = $1, by a role with BYPASSRLS, on the
 * same rows of the same tables with the same indexes: what a careful engineer writes who trusts
 * every query to name the tenant.
 *
 * Fair, because only the statement is timed, in the server, by loops in PL/pgSQL that differ in
 * nothing else; both keep one generic plan, or else the baseline, which has a parameter more, would
 * at times plan anew at each call; both touch the same ids, and must find the same number of rows;
 * batches of about ten milliseconds take turns, and neither side always goes first. What enter()
 * costs a transaction is not in here: it is in graphql, where both sides pay it. Nor is the way to
 * the server and back, which would make every ratio look better.
 */
import { randomUUID } from "node:crypto";

import type pg from "pg";

import { connect, type BenchDatabase } from "./database.ts";
import type { Scale } from "./options.ts";
import {
  loopFunction,
  POLICY_QUERIES,
  withParameters,
  type PolicyQuery,
} from "./policy_queries.ts";
import type { Outcome, Result } from "./report.ts";
import type { Seeded } from "./seed.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";

const BASELINE = "the same statement with an explicit tenant_id, by a role with BYPASSRLS";

/** A connection, and how it begins a transaction. */
type Side = { client: pg.Client; begin(): Promise<void> };
type Sides = { ours: Side; theirs: Side };

export type PoliciesOptions = {
  database: BenchDatabase;
  seeded: Seeded;
  scale: Pick<Scale, "policyRounds">;
  plans: boolean;
  log: (line: string) => void;
};

export async function benchPolicies(options: PoliciesOptions): Promise<Outcome> {
  const { database, seeded, scale, plans, log } = options;
  await using superuser = await connect(database.urls.superuser);
  await using server = await connect(database.urls.server);
  await using migrator = await connect(database.urls.migrator);
  const sides: Sides = {
    ours: { client: server, begin: () => enter(server, seeded) },
    theirs: { client: migrator, begin: async () => void (await migrator.query("begin")) },
  };
  for (const { client } of [sides.ours, sides.theirs]) {
    await client.query("set plan_cache_mode = force_generic_plan");
  }
  await createLoops(superuser);
  const existing = await projectIds(superuser, seeded.tenantId);

  const outcome: Outcome = { results: [], notes: [], plans: [] };
  for (const query of POLICY_QUERIES) {
    log(`policies: ${query.case}`);
    const ids = batchIds(query, existing);
    outcome.results.push(await measure(query, sides, { seeded, ids, rounds: scale.policyRounds }));
    // What was rolled back is in the way of whoever reads next.
    await superuser.query("vacuum app_public.projects");
    if (plans) outcome.plans.push(await explainBoth(query, sides, seeded.tenantId, existing));
  }
  await superuser.query("drop schema bench cascade");
  return outcome;
}

async function measure(
  query: PolicyQuery,
  sides: Sides,
  { seeded, ids, rounds }: { seeded: Seeded; ids: readonly string[]; rounds: number },
): Promise<Result> {
  const { key } = query;
  const ours = key === "control" ? sides.theirs : sides.ours;
  const runOurs = () => runBatch(ours, `bench.${key}_ours`, seeded.tenantId, ids);
  const runTheirs = () => runBatch(sides.theirs, `bench.${key}_theirs`, seeded.tenantId, ids);
  // The first two of each side plan, and fill caches.
  await interleave(2, runOurs, runTheirs);
  const measured = await interleave(rounds, runOurs, runTheirs);

  const counts = new Set([...measured.ours, ...measured.theirs].map((batch) => batch.rows));
  if (counts.size !== 1 || counts.has(0)) {
    throw new Error(`${query.case}: both sides must have the same rows, not ${[...counts].join()}`);
  }
  const oursUs = measured.ours.map((batch) => batch.microseconds);
  const theirsUs = measured.theirs.map((batch) => batch.microseconds);
  return {
    name: "policies",
    case: query.case,
    baseline: BASELINE,
    unit: "µs a statement",
    better: "lower",
    ratio: pairedRatio(oursUs, theirsUs),
    ours: quantile(oursUs, 0.5),
    theirs: quantile(theirsUs, 0.5),
  };
}

type Batch = { microseconds: number; rows: number };

/** Runs one loop in a transaction of its own, which leaves nothing behind. */
async function runBatch(
  { client, begin }: Side,
  loop: string,
  tenantId: string,
  ids: readonly string[],
): Promise<Batch> {
  await begin();
  try {
    const { rows } = await client.query<{ microseconds: number; row_count: string }>({
      name: loop,
      text: `select microseconds, row_count from ${loop}($1, $2)`,
      values: [tenantId, ids],
    });
    const [row] = rows;
    if (row === undefined) throw new Error(`${loop} said nothing`);
    return { microseconds: row.microseconds, rows: Number(row.row_count) };
  } finally {
    await client.query("rollback");
  }
}

async function enter(client: pg.Client, { userId, tenantId }: Seeded): Promise<void> {
  await client.query("begin");
  await client.query(
    "select app_private.enter($1, $2), pg_catalog.set_config('role', 'app_user', true)",
    [userId, tenantId],
  );
}

/** In a schema of their own; invoker's rights, so that whoever calls is whom policies see. */
async function createLoops(superuser: pg.Client): Promise<void> {
  await superuser.query("create schema bench");
  for (const { key, ours, theirs } of POLICY_QUERIES) {
    await superuser.query(loopFunction(`bench.${key}_ours`, ours));
    await superuser.query(loopFunction(`bench.${key}_theirs`, theirs));
  }
  await superuser.query("grant usage on schema bench to app_user, rowhouse_migrator");
  await superuser.query(
    "grant execute on all functions in schema bench to app_user, rowhouse_migrator",
  );
}

async function projectIds(superuser: pg.Client, tenantId: string): Promise<string[]> {
  const { rows } = await superuser.query<{ id: string }>(
    "select id from app_public.projects where tenant_id = $1 order by md5(id::text)",
    [tenantId],
  );
  return rows.map(({ id }) => id);
}

function batchIds({ ids, times }: PolicyQuery, existing: readonly string[]): string[] {
  return Array.from({ length: times }, (_, n) =>
    ids === "new" ? randomUUID() : (existing[n % existing.length] ?? randomUUID()),
  );
}

async function explainBoth(
  query: PolicyQuery,
  { ours, theirs }: Sides,
  tenantId: string,
  [id = ""]: readonly string[],
): Promise<string> {
  const sections = [query.case];
  for (const [label, side, statement] of [
    ["ours", query.key === "control" ? theirs : ours, query.ours],
    ["baseline", theirs, query.theirs],
  ] as const) {
    await side.begin();
    await side.client.query(`prepare bench_plan (uuid, uuid) as ${withParameters(statement)}`);
    const { rows } = await side.client.query<{ "QUERY PLAN": string }>(
      `explain (costs off) execute bench_plan ('${tenantId}', '${id}')`,
    );
    await side.client.query("rollback");
    await side.client.query("deallocate bench_plan");
    sections.push(`  ${label}:`, ...rows.map((row) => `    ${row["QUERY PLAN"]}`));
  }
  return sections.join("\n");
}
