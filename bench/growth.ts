/**
 * growth: what a statement costs under policies when there are many more tenants, each as large as
 * before. Every size has a database of its own; the databases take turns batch by batch, each with
 * as many tenants that are busy. Baseline: the smallest. "Without RLS" is the same growth of the
 * statements that name the tenant, by a role with BYPASSRLS: what is in both, such as another plan
 * for tables of a few pages, is not the policies' doing.
 */
import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import type { Scale } from "./options.ts";
import type { Outcome, Result } from "./report.ts";
import { seed, type Seeded } from "./seed.ts";
import { SHAPES, type Shape } from "./shapes.ts";
import {
  prepareStatement,
  runBatch,
  SETTLING,
  type Side,
  type Statement,
  type Tenant,
} from "./statement.ts";
import { pairedRatio, quantile } from "./statistics.ts";
import { readTenants } from "./tenants.ts";

/** Tenants that are busy, as many in each database: no size is helped by warmer pages. */
const BUSY = 10;

export type GrowthOptions = {
  server: BenchServer;
  scale: Pick<Scale, "growthTenants" | "growthProjects" | "growthRounds">;
  log: (line: string) => void;
};

type Size = { count: number; database: BenchDatabase; seeded: Seeded; tenants: Tenant[] };

export async function benchGrowth({ server, scale, log }: GrowthOptions): Promise<Outcome> {
  const sizes: Size[] = [];
  for (const count of scale.growthTenants) {
    log(`growth: seeding ${count} tenants`);
    sizes.push(await makeSize(server, count, scale.growthProjects));
  }
  const outcome: Outcome = { results: [], notes: [], plans: [] };
  for (const shape of SHAPES) {
    log(`growth: ${shape.case}`);
    for (const side of ["ours", "theirs"] as const) {
      const times = await measure({ shape, side }, sizes, scale.growthRounds);
      outcome.results.push(...compare({ shape, side }, sizes, times));
    }
  }
  for (const { database } of sizes) await server.dropDatabase(database);
  return outcome;
}

/** Each size against the smallest. */
function compare(
  { shape, side }: { shape: Shape; side: Side },
  sizes: readonly Size[],
  times: readonly number[][],
): Result[] {
  const [smallest, ...larger] = sizes.map(({ count }, n) => ({ count, times: times[n] ?? [] }));
  if (smallest === undefined) return [];
  return larger.map((size) => ({
    name: "growth",
    case: `${shape.case}${side === "ours" ? "" : " without RLS"}, ${size.count} tenants`,
    baseline: `the same with ${smallest.count} tenants`,
    unit: "µs a statement",
    better: "lower",
    ratio: pairedRatio(size.times, smallest.times),
    ours: quantile(size.times, 0.5),
    theirs: quantile(smallest.times, 0.5),
  }));
}

async function makeSize(
  server: BenchServer,
  count: number,
  projectsPerTenant: number,
): Promise<Size> {
  const database = await server.createDatabase();
  const seeded = await seed(database.urls.superuser, { tenants: count, projectsPerTenant });
  await using superuser = await connect(database.urls.superuser);
  const tenants = await readTenants(superuser, seeded.tenantIds.slice(0, BUSY));
  return { count, database, seeded, tenants };
}

/** Microseconds of a statement, round by round, in each size. */
async function measure(
  given: { shape: Shape; side: Side },
  sizes: readonly Size[],
  rounds: number,
): Promise<number[][]> {
  const { shape } = given;
  using stack = new DisposableStack();
  const prepared: { statement: Statement; tenants: Tenant[]; times: number[] }[] = [];
  for (const { database, seeded, tenants } of sizes) {
    const statement = stack.use(await prepareStatement(database, seeded, given));
    prepared.push({ statement, tenants, times: [] });
  }
  for (let round = -SETTLING; round < rounds; round += 1) {
    for (let turn = 0; turn < prepared.length; turn += 1) {
      // The one that goes first changes with every round.
      const one = prepared[(turn + round + SETTLING) % prepared.length];
      const tenant = one?.tenants[(round + SETTLING) % one.tenants.length];
      if (one === undefined || tenant === undefined) throw new Error("There are no tenants");
      const { microseconds } = await runBatch(one.statement, tenant, shape.times);
      if (round >= 0) one.times.push(microseconds);
    }
  }
  return prepared.map(({ times }) => times);
}
