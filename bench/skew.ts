/**
 * skew: whether tenants of very different size spoil each other's plans. One tenant has half of all
 * rows, the others share the rest evenly. A connection keeps one plan for a prepared statement that
 * has no parameters, made for whichever tenant came first.
 *
 * Ours: a tenant's statement on a connection that served one of the other kind before. Baseline: the
 * same tenant's, on a kept plan that was made for its own kind. "Plan kept" is what a prepared
 * statement does; "as sent" is what the API does, which names none and so has each planned for its
 * own tenant; "tenant bound" is kept, but has tenant_id = $n as well: then the planner knows that
 * tenants differ, and chooses for the average one.
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
const FORMS = ["plan kept", "as sent", "tenant bound"] as const;
type Form = (typeof FORMS)[number];

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
  form: Form;
  kinds: Kinds;
  rounds: number;
};

async function measure(options: MeasureOptions): Promise<Result[]> {
  const { shape, form, kinds, rounds } = options;
  using usedByGiant = await usedBy(kinds.giant, options);
  using usedBySmall = await usedBy(kinds.small, options);
  using keptForGiant = await usedBy(kinds.giant, { ...options, form: baselineOf(form) });
  using keptForSmall = await usedBy(kinds.small, { ...options, form: baselineOf(form) });
  const results: Result[] = [];
  // What reads all of a tenant's rows takes the giant long enough once.
  for (const [kind, other, own, times] of [
    ["small", usedByGiant, keptForSmall, shape.times],
    ["giant", usedBySmall, keptForGiant, shape.times > 20 ? shape.times : 1],
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

/** What the API does is measured against the best that a kept plan can be. */
function baselineOf(form: Form): Form {
  return form === "as sent" ? "plan kept" : form;
}

/** The statement on a connection of its own, run for one tenant until its plan is settled. */
async function usedBy(
  tenant: Tenant,
  { database, seeded, shape, form }: MeasureOptions,
): Promise<Statement> {
  const text = form === "tenant bound" ? shape.theirs : shape.ours;
  const isKept = form !== "as sent";
  const statement = await prepareStatement(database, seeded, { shape, side: "ours", text, isKept });
  for (let n = 0; n < SETTLING; n += 1) await runBatch(statement, tenant, 1);
  return statement;
}
