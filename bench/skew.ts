/**
 * skew: whether tenants of very different size spoil each other's plans. One tenant has half of all
 * rows, the others share the rest evenly. A connection keeps one plan for a prepared statement that
 * has no parameters, made when one of them came first.
 *
 * Ours: a tenant's statement, kept as the API keeps it, on a connection that served one of the other
 * kind before. Baseline "plan kept": the same tenant's, on a connection that served only its own
 * kind. Baseline "plan of its own": the same statement with the tenant's id in it, planned anew each
 * time, so for this very tenant; the planning is in its time.
 */
import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import type { Scale } from "./options.ts";
import type { Outcome, Result } from "./report.ts";
import { seed, type Seeded } from "./seed.ts";
import { SKEW_SHAPES, type Shape } from "./shapes.ts";
import { prepareStatement, runBatch, SETTLING, type Statement, type Tenant } from "./statement.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";
import { readTenants } from "./tenants.ts";

export type SkewOptions = {
  server: BenchServer;
  scale: Pick<Scale, "skewTenants" | "skewProjects" | "skewRounds">;
  log: (line: string) => void;
};

type Kinds = { giant: Tenant; small: Tenant };
const BASELINES = {
  "plan kept": "the same tenant on a connection that served its own kind",
  "plan of its own": "the same tenant, named in the statement, which is planned each time",
} as const;
type Baseline = keyof typeof BASELINES;
const KEYS = ["plan kept", "plan of its own"] as const;

export async function benchSkew({ server, scale, log }: SkewOptions): Promise<Outcome> {
  const { skewTenants: tenants, skewProjects: projectsPerTenant, skewRounds: rounds } = scale;
  const giant = tenants * projectsPerTenant;
  log(`skew: seeding ${tenants} tenants with ${projectsPerTenant} projects, one with ${giant}`);
  const database = await server.createDatabase();
  const seeded = await seed(database.urls.superuser, { tenants, projectsPerTenant, giant });
  await using superuser = await connect(database.urls.superuser);
  const ids = [seeded.giantId ?? "", seeded.tenantId];
  const found = await readTenants(superuser, ids);
  const [giantTenant, small] = ids.map((id) => found.find(({ tenantId }) => tenantId === id));
  if (giantTenant === undefined || small === undefined) throw new Error("A tenant is missing");

  const outcome: Outcome = { results: [], notes: [], plans: [] };
  for (const shape of SKEW_SHAPES) {
    for (const baseline of KEYS) {
      log(`skew: ${shape.case}, ${baseline}`);
      const kinds = { giant: giantTenant, small };
      outcome.results.push(
        ...(await measure({ database, seeded, shape, baseline, kinds, rounds })),
      );
    }
  }
  await server.dropDatabase(database);
  return outcome;
}

type MeasureOptions = {
  database: BenchDatabase;
  seeded: Seeded;
  shape: Shape;
  baseline: Baseline;
  kinds: Kinds;
  rounds: number;
};

async function measure(options: MeasureOptions): Promise<Result[]> {
  const { shape, baseline, kinds, rounds } = options;
  using usedByGiant = await usedBy(kinds.giant, options);
  using usedBySmall = await usedBy(kinds.small, options);
  const isKept = baseline === "plan kept";
  using ownOfGiant = await usedBy(kinds.giant, options, isKept);
  using ownOfSmall = await usedBy(kinds.small, options, isKept);
  const results: Result[] = [];
  // What reads all of a tenant's rows takes the giant long enough once.
  for (const [kind, other, own, times] of [
    ["small", usedByGiant, ownOfSmall, shape.times],
    ["giant", usedBySmall, ownOfGiant, shape.times > 20 ? shape.times : 1],
  ] as const) {
    const run = (statement: Statement) => () => runBatch(statement, kinds[kind], times);
    const { ours, theirs } = await interleave(rounds, run(other), run(own));
    const [a, b] = [ours, theirs].map((side) => side.map(({ microseconds }) => microseconds));
    results.push({
      name: "skew",
      case: `${shape.case} / ${baseline}: ${kind}`,
      baseline: BASELINES[baseline],
      unit: "µs a statement",
      better: "lower",
      ratio: pairedRatio(a ?? [], b ?? []),
      ours: quantile(a ?? [], 0.5),
      theirs: quantile(b ?? [], 0.5),
    });
  }
  return results;
}

/** The statement on a connection of its own, run for one tenant until its plan is settled. */
async function usedBy(
  tenant: Tenant,
  { database, seeded, shape }: MeasureOptions,
  isKept = true,
): Promise<Statement> {
  const text = isKept ? shape.ours : shape.theirs;
  const statement = await prepareStatement(database, seeded, { shape, side: "ours", text, isKept });
  for (let n = 0; n < SETTLING; n += 1) await runBatch(statement, tenant, 1);
  return statement;
}
