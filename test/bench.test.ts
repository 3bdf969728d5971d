/** That the benchmarks count right; that they run is for `npm run bench -- --quick` to show. */
import { BENCHMARK_NAMES, parseOptions, USAGE, UsageError } from "../bench/options.ts";
import { genericPlan } from "../bench/plans.ts";
import { seed } from "../bench/seed.ts";
import { bindable, SHAPES } from "../bench/shapes.ts";
import { interleave, pairedRatio, quantile } from "../bench/statistics.ts";
import { describe, expect, test } from "./support/index.ts";

describe("statistics", () => {
  test("ratios are taken round by round, so that a slow moment slows both sides", () => {
    expect(pairedRatio([2, 20, 200], [1, 10, 100])).toEqual({
      median: 2,
      q1: 2,
      q3: 2,
      rounds: 3,
    });
  });

  test("quantiles fall between neighbours and sort by number", () => {
    expect(quantile([100, 9, 20, 3], 0.5)).toBe(14.5);
    expect(quantile([7], 0.99)).toBe(7);
    expect(() => quantile([], 0.5)).toThrow("nothing to measure");
  });

  test("rounds without a partner are refused", () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow("in pairs");
    expect(() => pairedRatio([], [])).toThrow("in pairs");
  });

  test("the sides take turns at going first", async () => {
    const order: string[] = [];
    const run = (side: string) => () => Promise.resolve(order.push(side));
    await interleave(3, run("ours"), run("theirs"));
    expect(order.join(" ")).toBe("ours theirs theirs ours ours theirs");
  });
});

describe("the plans of the measured statements", () => {
  const TENANT =
    /COALESCE\(\(NULLIF\(current_setting\('app\.\w+_tenant_id'::text, true\), ''::text\)\)::uuid, app_private\.refuse_tenant\('(?:read|write)'::text\)\)/g;

  /** A plan in which parameters and our way to name the tenant look alike. */
  const alike = (plan: readonly string[]) =>
    plan.map((line) => line.replaceAll(TENANT, "?").replaceAll(/\$\d/g, "?"));

  test("policies add an index condition where the baseline has its own, and nothing else", async ({
    database,
  }) => {
    const seeded = await seed(database.urls.superuser, { tenants: 50, projectsPerTenant: 60 });
    // Small tables would be read whole; large ones are not.
    const large = (url: string) => {
      const options = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off";
      return `${url}?options=${encodeURIComponent(options)}`;
    };
    const { server, migrator } = database.urls;
    const urls = { ...database.urls, server: large(server), migrator: large(migrator) };
    for (const shape of SHAPES) {
      const ours = await genericPlan({ urls }, seeded, { shape, side: "ours" });
      const theirs = await genericPlan({ urls }, seeded, { shape, side: "theirs" });
      // What is updated must be readable too: one comparison more, of the one row found.
      const readable = (line: string) => shape.key === "update" && /Filter:/.test(line);
      expect(
        alike(ours).filter((line) => !readable(line)),
        shape.case,
      ).toEqual(alike(theirs));
      expect(ours.join("\n"), shape.case).not.toMatch(/SubPlan|InitPlan|Seq Scan/);
    }
  });

  test("parameters are numbered by first use, and a cast is none", () => {
    const { text, valuesOf } = bindable("select :id::uuid, :tenant::uuid, :id::text");
    expect(text).toBe("select $1::uuid, $2::uuid, $1::text");
    expect(valuesOf({ id: "a", name: "b", tenant: "c" })).toEqual(["a", "c"]);
  });
});

describe("the command line", () => {
  test("runs all benchmarks at full size unless told otherwise", () => {
    const { names, scale, json } = parseOptions([]);
    expect(names).toEqual(["policies", "preamble", "growth", "skew", "graphql", "stripe"]);
    expect(json).toBe(false);
    expect(scale.policyRounds).toBeGreaterThan(parseOptions(["--quick"]).scale.policyRounds);
  });

  test("explains every benchmark and every flag", () => {
    for (const name of BENCHMARK_NAMES) expect(USAGE).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const flag of ["only", "plans", "quick", "json", "help"]) {
      expect(USAGE).toContain(`  --${flag} `);
      expect(parseOptions(flag === "only" ? ["--only", "skew"] : [`--${flag}`])).toBeDefined();
    }
  });

  test("takes the named ones, in the usual order", () => {
    expect(parseOptions(["--only", "graphql"]).names).toEqual(["graphql"]);
    expect(parseOptions(["--only", "graphql", "--only", "policies"]).names).toEqual([
      "policies",
      "graphql",
    ]);
  });

  test("refuses what it does not know", () => {
    for (const args of [["--fast"], ["--only", "nothing"], ["--only"], ["graphql"]]) {
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
  });
});
