import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Attempt } from "../../attack/attempt.ts";
import { parseOptions, UsageError } from "../../attack/options.ts";
import { htmlOf } from "../../attack/report/html.ts";
import { reportOf, tableOf } from "../../attack/report/summary.ts";
import { writeReport } from "../../attack/report/write.ts";
import { openAttackTarget, TargetError } from "../../attack/target.ts";
import { describe, expect } from "../support/index.ts";
import { test } from "../support/home.ts";

const ABOUT = {
  startedAt: "2026-11-22T10:00:00.000Z",
  seconds: 1,
  database: "db",
  server: "",
  seed: 1,
};
const FINE: Attempt = {
  layer: "graphql",
  object: "Query.projects",
  actor: "owner",
  verb: "list",
  outcome: "own rows only",
  breach: false,
};
const BROKEN: Attempt = {
  ...FINE,
  object: "</script><b>Query.node</b>",
  outcome: "allowed",
  code: "NONE",
  detail: "$& The answer tells <b>",
  breach: true,
};

describe("the report", () => {
  test("counts a breach as one, however it came out", () => {
    const { summary } = reportOf(ABOUT, [FINE, BROKEN, { ...FINE, outcome: "vacuous" }]);
    expect(summary).toMatchObject({ attempts: 3, breaches: 1, vacuous: 1 });
    expect(summary.layers.graphql).toMatchObject({ breach: 1, allowed: 0, "own rows only": 1 });
    expect(tableOf(summary)).toContain("1 of 3 attempts got through.");
    expect(tableOf(reportOf(ABOUT, [FINE]).summary)).toContain(
      "Nothing got through, in 1 attempts.",
    );
  });

  test("is one page that holds everything, and no text of it ends the page's data", async () => {
    const html = await htmlOf(reportOf(ABOUT, [FINE, BROKEN]));
    expect(html).not.toMatch(/(src|href)=/);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    const [, data = ""] =
      /<script type="application\/json" id="report">([\s\S]*?)<\/script>/.exec(html) ?? [];
    const { rows, objects, texts } = JSON.parse(data) as {
      rows: number[][];
      objects: string[];
      texts: string[];
    };
    expect(rows).toHaveLength(2);
    expect(objects).toEqual([FINE.object, BROKEN.object]);
    expect(texts).toContain(BROKEN.detail);
  });

  test("is written for people and for programs, wherever they want it", async ({ quick }) => {
    const report = reportOf(ABOUT, [FINE, BROKEN]);
    const paths = { html: join(quick, "a", "b.html"), json: join(quick, "c", "d.json") };
    await writeReport(report, paths);
    expect(JSON.parse(await readFile(paths.json, "utf8"))).toEqual(report);
    expect(await readFile(paths.html, "utf8")).toMatch(/^<!doctype html>/i);
  });
});

describe("the command line", () => {
  test("attacks everything unless it is told what", () => {
    expect(parseOptions([]).layers).toEqual(["catalog", "graphql", "sessions"]);
    expect(parseOptions(["--only", "sessions,catalog"]).layers).toEqual(["catalog", "sessions"]);
    expect(parseOptions(["--seed", "7"]).seed).toBe(7);
    expect(parseOptions(["--kinds", "grant,policy"]).kinds).toEqual(["policy", "grant"]);
  });

  test.for([
    [["--only", "everything"]],
    [["--seed", "-1"]],
    [["--seed", "x"]],
    [["--server", "localhost"]],
    [["--database", "mysql://localhost"]],
    [["--unknown"]],
  ])("refuses %o", ([args = []]) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
  });

  test("refuses production unless it is told to plant rows", async () => {
    const env = {
      NODE_ENV: "production",
      MIGRATION_DATABASE_URL: "postgres://m@localhost/x",
      DATABASE_URL: "postgres://s@localhost/x",
      WORKER_DATABASE_URL: "postgres://w@localhost/x",
      PUBLIC_URL: "https://example.com",
    };
    await expect(openAttackTarget(env, parseOptions([]))).rejects.toThrow(TargetError);
    await using target = await openAttackTarget(env, parseOptions(["--yes-plant-rows"]));
    expect(target).toMatchObject({ url: "https://example.com", server: env.DATABASE_URL });
  });
});
