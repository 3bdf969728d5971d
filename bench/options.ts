import { parseArgs } from "node:util";

/** The benchmarks by name, in the order in which they run. */
export const BENCHMARK_NAMES = ["policies", "graphql", "stripe"] as const;
export type BenchmarkName = (typeof BENCHMARK_NAMES)[number];

export type Options = {
  help: boolean;
  json: boolean;
  plans: boolean;
  scale: Scale;
  names: readonly BenchmarkName[];
};

/** How much is seeded and how long is measured. */
export type Scale = {
  tenants: number;
  projectsPerTenant: number;
  /** Pairs of batches for each query of `policies`. */
  policyRounds: number;
  /** Pairs of slices for each load of `graphql`. */
  httpRounds: number;
  sliceMs: number;
};

const FULL: Scale = {
  tenants: 100,
  projectsPerTenant: 2_000,
  policyRounds: 101,
  httpRounds: 15,
  sliceMs: 700,
};

/** Only shows that everything works; its ratios mean little. */
const QUICK: Scale = {
  tenants: 20,
  projectsPerTenant: 200,
  policyRounds: 5,
  httpRounds: 3,
  sliceMs: 150,
};

export const USAGE = `Usage: npm run bench -- [--json] [--quick] [--plans] [--only <name>]

Measures Rowhouse against named baselines, turn by turn in one run, and prints ratios.

  --only <name>  one of: ${BENCHMARK_NAMES.join(", ")} (may be repeated)
  --plans        also prints both sides' plans of each query of policies
  --quick        little data and few rounds: shows that it works, not how fast
  --json         prints JSON instead of a table
  --help         prints this

Runs on an embedded PostgreSQL of its own, which is gone afterwards, or in a new database on the
server of BENCH_DATABASE_URL (a superuser's, of a server for tests: our roles get new passwords).`;

/** An argument that means nothing here. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Reads the command line; throws a UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const { json, quick, plans, help, only } = parsed(args);
  const names = only.map((name) => {
    const known = BENCHMARK_NAMES.find((candidate) => candidate === name);
    if (known === undefined) throw new UsageError(`There is no benchmark "${name}"`);
    return known;
  });
  return {
    help,
    json,
    plans,
    scale: quick ? QUICK : FULL,
    names: names.length === 0 ? BENCHMARK_NAMES : BENCHMARK_NAMES.filter((n) => names.includes(n)),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        plans: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
