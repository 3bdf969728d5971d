/**
 * skew: whether tenants of very different size spoil each other's plans. One tenant has half of all
 * rows, the others share the rest evenly. A connection keeps one plan for a prepared statement that
 * has no parameters, made for whichever tenant came first.
 *
 * Ours: a tenant's statement on a plan that was made for one of the other kind. Baseline: the same
 * tenant's, on a plan made for its own kind. "As sent" is the statement as the API sends it;
 * "tenant bound" has tenant_id = $n as well: then the planner knows that tenants differ, and chooses
 * for the average one.
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
const FORMS = ["as sent", "tenant bound"] as const;

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
    for (const form of FORMS) {
      log(`skew: ${shape.case}, ${form}`);
      const kinds = { giant: giantTenant, small };
      outcome.results.push(...(await measure({ database, seeded, shape, form, kinds, rounds })));
    }
  }
  await server.dropDatabase(database);
  return outcome;
}

type MeasureOptions = {
  database: BenchDatabase;
  seeded: Seeded;
  shape: Shape;
  form: (typeof FORMS)[number];
  kinds: Kinds;
  rounds: number;
};

async function measure(options: MeasureOptions): Promise<Result[]> {
  const { shape, form, kinds, rounds } = options;
  using plannedForGiant = await plannedFor(kinds.giant, options);
  using plannedForSmall = await plannedFor(kinds.small, options);
  const results: Result[] = [];
  // What reads all of a tenant's rows takes the giant long enough once.
  for (const [kind, other, own, times] of [
    ["small", plannedForGiant, plannedForSmall, shape.times],
    ["giant", plannedForSmall, plannedForGiant, shape.times > 20 ? shape.times : 1],
  ] as const) {
    const run = (statement: Statement) => () => runBatch(statement, kinds[kind], times);
    const { ours, theirs } = await interleave(rounds, run(other), run(own));
    const [a, b] = [ours, theirs].map((side) => side.map(({ microseconds }) => microseconds));
    results.push({
      name: "skew",
      case: `${shape.case}, ${form}: ${kind}`,
      baseline: "the same tenant on a plan made for its own kind",
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
async function plannedFor(
  tenant: Tenant,
  { database, seeded, shape, form }: MeasureOptions,
): Promise<Statement> {
  const text = form === "as sent" ? shape.ours : shape.theirs;
  const statement = await prepareStatement(database, seeded, { shape, side: "ours", text });
  for (let n = 0; n < SETTLING; n += 1) await runBatch(statement, tenant, 1);
  return statement;
}
