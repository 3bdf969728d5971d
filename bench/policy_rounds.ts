/** One statement with policies and without: round trips one at a time, then batches in the server. */
import type { Result } from "./report.ts";
import type { Shape } from "./shapes.ts";
import { isGeneric, runBatch, SETTLING, type Statement, type Tenant } from "./statement.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";
import type { Wire } from "./wire.ts";

const BASELINE = "the same statement with an explicit tenant_id, by a role with BYPASSRLS";
/** Calls of each side in a round of round trips. */
const CALLS = 20;

export type Sides = { ours: Statement; theirs: Statement };

export type MeasureOptions = {
  label: string;
  shape: Shape;
  tenants: readonly Tenant[];
  rounds: number;
};

export async function measurePolicies(
  { ours, theirs }: Sides,
  { label, shape, tenants, rounds }: MeasureOptions,
): Promise<Result[]> {
  const pairs = tenantPairs(tenants);
  for (const statement of [ours, theirs]) {
    const { one: tenant } = pairs(0);
    for (let n = 0; n < SETTLING; n += 1) await runBatch(statement, tenant, 1);
    if (!(await isGeneric(statement, tenant))) {
      throw new Error(`${label}: planned anew at each execution; the ratio would flatter us`);
    }
  }

  let round = 0;
  const trips = { ours: [] as number[], theirs: [] as number[] };
  for (; round < rounds; round += 1) {
    const trip = await roundTrips({ ours, theirs }, pairs(round));
    trips.ours.push(trip.ours);
    trips.theirs.push(trip.theirs);
  }

  let turn = 0;
  const batch = (statement: Statement) => () => {
    const { one, other } = pairs(Math.floor(turn / 2));
    turn += 1;
    return runBatch(statement, turn % 2 === 1 ? one : other, shape.times);
  };
  const batches = await interleave(rounds, batch(ours), batch(theirs));
  const counts = new Set([...batches.ours, ...batches.theirs].map(({ rows }) => rows));
  if (counts.size !== 1 || counts.has(0)) {
    throw new Error(`${label}: both sides must have the same rows, not ${[...counts].join()}`);
  }
  const inServer = {
    ours: batches.ours.map(({ microseconds }) => microseconds),
    theirs: batches.theirs.map(({ microseconds }) => microseconds),
  };
  return [result(`${label}, round trip`, trips), result(`${label}, in the server`, inServer)];
}

/** The median of calls of each side, which take turns while both transactions are open. */
async function roundTrips(
  { ours, theirs }: Sides,
  { one, other }: { one: Tenant; other: Tenant },
): Promise<{ ours: number; theirs: number }> {
  const oneByOne = (wire: Wire, statement: Statement, tenant: Tenant) => {
    const executions = statement.executions(tenant, CALLS).values();
    return () => wire.send(executions.next().value ?? Buffer.alloc(0));
  };
  const calls = await ours.inTransaction(one, (ourWire) =>
    theirs.inTransaction(other, (theirWire) =>
      interleave(CALLS, oneByOne(ourWire, ours, one), oneByOne(theirWire, theirs, other)),
    ),
  );
  const median = (replies: typeof calls.ours) =>
    quantile(
      replies.map(({ microseconds }) => microseconds),
      0.5,
    );
  return { ours: median(calls.ours), theirs: median(calls.theirs) };
}

function result(what: string, { ours, theirs }: { ours: number[]; theirs: number[] }): Result {
  return {
    name: "policies",
    case: what,
    baseline: BASELINE,
    unit: "µs a statement",
    better: "lower",
    ratio: pairedRatio(ours, theirs),
    ours: quantile(ours, 0.5),
    theirs: quantile(theirs, 0.5),
  };
}

/** Two different tenants for each round, each of them in turn for either side. */
function tenantPairs(tenants: readonly Tenant[]) {
  return (round: number): { one: Tenant; other: Tenant } => {
    const at = (n: number) => {
      const tenant = tenants[n % tenants.length];
      if (tenant === undefined) throw new Error("There are no tenants");
      return tenant;
    };
    return { one: at(round), other: at(round + Math.ceil(tenants.length / 2)) };
  };
}
