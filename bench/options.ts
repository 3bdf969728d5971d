import { parseArgs } from "node:util";

import { FULL_BILLING, QUICK_BILLING, type BillingScale } from "./billing_scale.ts";

/** The benchmarks by name, in the order in which they run. */
export const BENCHMARK_NAMES = [
  "policies",
  "preamble",
  "growth",
  "skew",
  "graphql",
  "stripe",
  "webhooks",
  "inbox",
  "drain",
  "engine",
  "latency",
] as const;
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
  /** The database of policies, preamble and graphql. */
  tenants: number;
  projectsPerTenant: number;
  /** Rounds of each query of `policies`, of either kind. */
  policyRounds: number;
  preambleRounds: number;
  /** A database for each of these numbers of tenants. */
  growthTenants: readonly number[];
  growthProjects: number;
  growthRounds: number;
  /** Ordinary tenants, beside one with as many projects as all of them. */
  skewTenants: number;
  skewProjects: number;
  skewRounds: number;
  /** Pairs of slices for each load of `graphql`. */
  httpRounds: number;
  sliceMs: number;
} & BillingScale;

const FULL: Scale = {
  ...FULL_BILLING,
  tenants: 2_000,
  projectsPerTenant: 1_000,
  policyRounds: 80,
  preambleRounds: 50,
  growthTenants: [10, 100, 1_000, 10_000],
  growthProjects: 100,
  growthRounds: 30,
  skewTenants: 500,
  skewProjects: 1_000,
  skewRounds: 9,
  httpRounds: 15,
  sliceMs: 700,
};

/** Only shows that everything works; its ratios mean little. */
const QUICK: Scale = {
  ...QUICK_BILLING,
  tenants: 20,
  projectsPerTenant: 200,
  policyRounds: 5,
  preambleRounds: 3,
  growthTenants: [10, 100],
  growthProjects: 30,
  growthRounds: 3,
  skewTenants: 20,
  skewProjects: 100,
  skewRounds: 3,
  httpRounds: 3,
  sliceMs: 150,
};

export const USAGE = `Usage: npm run bench -- [--json] [--quick] [--plans] [--only <name>]

Measures Rowhouse against named baselines, turn by turn in one run, and prints ratios.

  policies   statements under policies against explicit tenant_id without row-level security
  preamble   a point read in a request's transaction against one alone, and the stock adaptor's
  growth     statements with 100 to 10,000 tenants against 10
  skew       statements on plans made for a tenant of another size against plans of their own
  graphql    the generated API against an endpoint written by hand
  stripe     the Stripe emulator against a server that does nothing
  webhooks   events accepted over HTTP, and by SQL alone, against the bare insert of their row
  inbox      receiving and processing events with up to a million in the inbox
  drain      a backlog of events, worked off, against jobs that do nothing
  engine     the same events handled by Rowhouse and by Supabase's stripe-sync-engine
  latency    from an event's arrival to the tenant's row, against the calls to Stripe alone

  --only <name>  one of these (may be repeated); all of them otherwise
  --plans        also prints both sides' plans of each query of policies
  --quick        little data and few rounds, a minute or two: shows that it works, not how fast
  --json         prints JSON instead of a table; progress is on stderr either way
  --help         prints this

Runs on an embedded PostgreSQL of its own, which is gone afterwards, or in new databases on the
server of BENCH_DATABASE_URL (a superuser's, of a server for tests: our roles get new passwords).
docs/performance.md has measured figures and says what they mean.`;

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
