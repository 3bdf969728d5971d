/** That the benchmarks count right; that they run is for `npm run bench -- --quick` to show. */
import { BENCHMARK_NAMES, parseOptions, USAGE, UsageError } from "../bench/options.ts";
import { migrateEngine } from "../bench/engine_process.ts";
import { insertBare, receive } from "../bench/inbox_statements.ts";
import { genericPlan } from "../bench/plans.ts";
import { seed } from "../bench/seed.ts";
import { rateOf } from "../bench/rate.ts";
import { bindable, SHAPES } from "../bench/shapes.ts";
import { makeEvents, WEBHOOK_SECRET } from "../bench/signed_events.ts";
import { interleave, pairedRatio, quantile } from "../bench/statistics.ts";
import { requireSignature } from "../server/stripe_signature.ts";
import { describe, expect, test, withClient } from "./support/index.ts";
import { rowsOf } from "./support/query.ts";

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
    /COALESCE\(\(NULLIF\(current_setting\('app\.\w+_tenant_id'::text, \(ROW\(1, 2\) < ROW\(2, 1\)\)\), ''::text\)\)::uuid, \(app_private\.refuse_tenant\('(?:read|write)'::text\)\)\.tenant_id\)/g;

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

describe("the events of the measured webhooks", () => {
  test("are signed as the server wants it, differ, and are as long as was asked", () => {
    const events = makeEvents(3, { customers: ["cus_a", "cus_b"], bytes: 6_000 });
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect(events.map(({ customer }) => customer)).toEqual(["cus_a", "cus_b", "cus_a"]);
    for (const { payload, request } of events) {
      const [head = "", sent] = request.toString().split("\r\n\r\n");
      const signatures = [/stripe-signature: (.*)/.exec(head)?.[1] ?? ""];
      const body = Buffer.from(payload);
      expect(sent).toBe(payload);
      expect(head).toContain(`content-length: ${body.length}`);
      expect(() => requireSignature({ body, signatures, secrets: [WEBHOOK_SECRET] })).not.toThrow();
      expect(body.length).toBeGreaterThan(6_000);
      expect(body.length).toBeLessThan(7_000);
    }
  });

  test("make the same row by the bare insert as by the inbox, and no job", async ({ database }) => {
    const [ours, bare] = makeEvents(2, { customers: ["cus_a"] });
    await withClient(database.urls.server, (client) => receive(client, ours?.payload ?? ""));
    const { rows, jobs } = await withClient(database.urls.superuser, async (client) => {
      await insertBare(client, bare?.payload ?? "");
      const columns = "type, object_type, customer_id, account_id, livemode, api_version, status";
      return {
        rows: await rowsOf(
          client,
          `select ${columns}, reason, received_seq is not null as is_numbered
          from app_private.stripe_events where id = any ($1)`,
          [[ours?.id, bare?.id]],
        ),
        jobs: await rowsOf(client, "select key from graphile_worker.jobs where key like $1", [
          "stripe_event:evt_bench%",
        ]),
      };
    });
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual(rows[1]);
    expect(jobs).toEqual([{ key: `stripe_event:${ours?.id}` }]);
  });

  test("are each taken once, however many take them", async () => {
    const taken: number[] = [];
    const worker = async (item: number) => void taken.push(item);
    const rate = await rateOf([1, 2, 3, 4, 5], [worker, worker]);
    expect(taken).toEqual([1, 2, 3, 4, 5]);
    expect(rate).toBeGreaterThan(0);
  });

  test("find the tables of the engine that they are compared with", async ({ database }) => {
    await withClient(database.urls.superuser, async (client) => {
      await migrateEngine(client);
      const { rows } = await client.query("select cancel_at_period_end from stripe.subscriptions");
      expect(rows).toEqual([]);
      await client.query("drop schema stripe cascade");
    });
  });
});

describe("the command line", () => {
  test("runs all benchmarks at full size unless told otherwise", () => {
    const { names, scale, json } = parseOptions([]);
    expect(names).toEqual(BENCHMARK_NAMES);
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
