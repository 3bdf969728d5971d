/** That the benchmarks count right; that they run is for `npm run bench -- --quick` to show. */
import { parseOptions, UsageError } from "../bench/options.ts";
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

describe("the command line", () => {
  test("runs all benchmarks at full size unless told otherwise", () => {
    const { names, scale, json } = parseOptions([]);
    expect(names).toEqual(["policies", "graphql", "stripe"]);
    expect(json).toBe(false);
    expect(scale.policyRounds).toBeGreaterThan(parseOptions(["--quick"]).scale.policyRounds);
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
