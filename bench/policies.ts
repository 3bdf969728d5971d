/**
 * policies: what row-level security costs a prepared statement.
 *
 * Ours: the statement as the API sends it, without a tenant in it, by the server's login after
 * app_private.enter(), as app_user, under our policies.
 * Baseline: the same statement with an explicit tenant_id = $n, by a role with BYPASSRLS, on the
 * same rows of the same tables with the same indexes: what a careful engineer writes who trusts
 * every query to name the tenant.
 *
 * Fair, because both are named statements of the same protocol, inside a transaction that is open
 * already, and run on a generic plan (checked); because each side has a new tenant each round, all
 * of one size, so that neither finds the other's pages warm; both must find as many rows; and
 * neither always goes first. Measured twice: as a client sees it, one statement and one answer at a
 * time, the sides taking turns call by call; and in the server alone, many executions in one batch
 * that nobody waits for, which hides nothing behind the way there and back. What enter() costs a
 * transaction is not in here: it is in preamble.
 */
import { separateCpus } from "./cpus.ts";
import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import type { Scale } from "./options.ts";
import { explainShape } from "./plans.ts";
import type { Outcome, Result } from "./report.ts";
import type { Seeded } from "./seed.ts";
import { SHAPES, type Shape } from "./shapes.ts";
import {
  isGeneric,
  prepareStatement,
  runBatch,
  SETTLING,
  type Statement,
  type Tenant,
} from "./statement.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";
import { readTenants } from "./tenants.ts";
import type { Wire } from "./wire.ts";

const BASELINE = "the same statement with an explicit tenant_id, by a role with BYPASSRLS";
/** Calls of each side in a round of round trips. */
const CALLS = 20;

export type PoliciesOptions = {
  server: BenchServer;
  database: BenchDatabase;
  seeded: Seeded;
  scale: Pick<Scale, "policyRounds">;
  plans: boolean;
  log: (line: string) => void;
};

type Sides = { ours: Statement; theirs: Statement };

export async function benchPolicies(options: PoliciesOptions): Promise<Outcome> {
  const { server, database, seeded, scale, plans, log } = options;
  await using superuser = await connect(database.urls.superuser);
  const tenants = await readTenants(superuser, seeded.tenantIds);
  const overSocket = { urls: { ...database.urls } };
  for (const login of ["server", "migrator"] as const) {
    overSocket.urls[login] = server.overSocket(database.urls[login]) ?? database.urls[login];
  }

  await using cpus = await separateCpus(server, database);
  const outcome: Outcome = { results: [], notes: [`policies: ${cpus.note}`], plans: [] };
  const [control] = SHAPES;
  const measured: { shape: Shape; isControl: boolean }[] = [
    ...(control === undefined ? [] : [{ shape: control, isControl: true }]),
    ...SHAPES.map((shape) => ({ shape, isControl: false })),
  ];
  for (const { shape, isControl } of measured) {
    const label = isControl ? "(control: baseline twice)" : shape.case;
    log(`policies: ${label}`);
    const ourSide = isControl ? "theirs" : "ours";
    using ours = await prepareStatement(overSocket, seeded, { shape, side: ourSide });
    using theirs = await prepareStatement(overSocket, seeded, { shape, side: "theirs" });
    const sides = { ours, theirs };
    outcome.results.push(
      ...(await measure(sides, { label, shape, tenants, rounds: scale.policyRounds })),
    );
    // What was rolled back is in the way of whoever comes next.
    if (isWrite(shape)) await superuser.query("vacuum app_public.projects");
    if (plans && !isControl) outcome.plans.push(await explainShape(database, seeded, shape));
  }
  return outcome;
}

type MeasureOptions = {
  label: string;
  shape: Shape;
  tenants: readonly Tenant[];
  rounds: number;
};

async function measure(
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

function isWrite({ key }: Shape): boolean {
  return key === "update" || key === "insert";
}
