/**
 * graphql: what the generated API costs over an endpoint written by hand.
 *
 * Ours: POST /graphql to the real server, production settings: the newest 20 projects with up to 10
 * tasks each, about 220 objects, by a signed-up user with a token of POST /auth/token.
 * Baseline: GET /projects of bench/baseline_server.ts, which has the same answer from one statement
 * written for it, ready to send.
 *
 * Fair, because both run in processes of their own with the same pool, verify the same token, enter
 * the same transaction under the same policies, and must give deeply equal answers before anything
 * is measured; because slices under a second take turns, and neither side always goes first; and
 * because the client is cheap enough not to be what is measured. Left to the baseline's advantage:
 * a GET has no body to parse, and its JSON is never parsed or built in JavaScript.
 */
import assert from "node:assert/strict";

import { freePort } from "../dev/free_port.ts";
import type { ServerConfig } from "../server/config.ts";
import type { BenchDatabase } from "./database.ts";
import { askOnce, httpRequest, openLoad, type Load, type Slice, type Target } from "./load.ts";
import { NEWEST_PROJECTS_QUERY, PAGE_SIZE } from "./newest_projects.ts";
import type { Scale } from "./options.ts";
import { productionConfig } from "./production_config.ts";
import type { Outcome, Result } from "./report.ts";
import type { Seeded } from "./seed.ts";
import { signUpReader } from "./reader.ts";
import { forkServer, type ForkedServer, type ServerKind } from "./server_process.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";
import { startWireCounter, type WireCounts } from "./wire_counter.ts";

const BASELINE = "an Express and pg endpoint written by hand for the same answer";
const CONCURRENCIES = [1, 16] as const;
const WARM_UP_SHARE = 1.5;

export type GraphqlOptions = {
  database: BenchDatabase;
  seeded: Seeded;
  scale: Pick<Scale, "httpRounds" | "sliceMs">;
  log: (line: string) => void;
};

export async function benchGraphql(options: GraphqlOptions): Promise<Outcome> {
  const { database, seeded, scale, log } = options;
  log("graphql: starting both servers");
  const config = await productionConfig(database.urls.server);
  const baselineConfig = { ...config, port: await freePort() };
  const starting = [
    forkServer({ kind: "ours", config }),
    forkServer({ kind: "baseline", config: baselineConfig }),
  ] as const;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => stopAll(starting));
  const [ourServer, theirServer] = await Promise.all(starting);

  const token = await signUpReader(config.publicUrl, database, seeded);
  const targets = {
    ours: { ...target("ours", config.port, token), server: ourServer },
    theirs: { ...target("baseline", baselineConfig.port, token), server: theirServer },
  };
  const answer = await askOnce(targets.ours);
  assert.deepEqual(answer, await askOnce(targets.theirs), "Both must give the same answer");

  const results: Result[] = [];
  for (const concurrency of CONCURRENCIES) {
    log(`graphql: ${concurrency} at a time`);
    results.push(...(await measure(targets, concurrency, scale)));
  }
  log("graphql: counting round trips");
  const [ours, theirs] = await Promise.all([
    countWire("ours", { ...config, port: await freePort() }, token),
    countWire("baseline", { ...config, port: await freePort() }, token),
  ]);
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  const notes = [
    `graphql: the answer has ${bytes} bytes. ${wireNote("ours", ours)}; ${wireNote("baseline", theirs)}.`,
  ];
  return { results, notes, plans: [] };
}

type Measured = Target & { server: ForkedServer };
type MeasuredSlice = Slice & { cpuMs: number };

async function measure(
  targets: { ours: Measured; theirs: Measured },
  concurrency: number,
  { httpRounds, sliceMs }: GraphqlOptions["scale"],
): Promise<Result[]> {
  using ours = await openLoad(targets.ours, concurrency);
  using theirs = await openLoad(targets.theirs, concurrency);
  const runBoth = (rounds: number, durationMs: number) =>
    interleave(
      rounds,
      () => runSlice(ours, targets.ours.server, durationMs),
      () => runSlice(theirs, targets.theirs.server, durationMs),
    );
  await runBoth(1, sliceMs * WARM_UP_SHARE);
  const slices = await runBoth(httpRounds, sliceMs);

  function result(
    what: string,
    unit: string,
    better: Result["better"],
    key: keyof MeasuredSlice,
  ): Result {
    const [a, b] = [
      slices.ours.map((slice) => slice[key]),
      slices.theirs.map((slice) => slice[key]),
    ];
    return {
      name: "graphql",
      case: `${what}, ${concurrency} at a time`,
      baseline: BASELINE,
      unit,
      better,
      ratio: pairedRatio(a, b),
      ours: quantile(a, 0.5),
      theirs: quantile(b, 0.5),
    };
  }
  return [
    result("throughput", "requests/s", "higher", "requestsPerSecond"),
    result("median latency", "ms", "lower", "medianMs"),
    result("p99 latency", "ms", "lower", "p99Ms"),
    result("CPU of the server", "ms a request", "lower", "cpuMs"),
  ];
}

/** Also those that start when another has failed to. */
async function stopAll(starting: readonly Promise<ForkedServer>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(starting)) {
    if (outcome.status === "fulfilled") await outcome.value[Symbol.asyncDispose]();
  }
}

async function runSlice(
  load: Load,
  server: ForkedServer,
  durationMs: number,
): Promise<MeasuredSlice> {
  const before = await server.cpuMs();
  const slice = await load.run(durationMs);
  return { ...slice, cpuMs: ((await server.cpuMs()) - before) / slice.requests };
}

/** In another process, since a proxy between would slow the ones measured. */
async function countWire(
  kind: ServerKind,
  config: ServerConfig,
  token: string,
): Promise<WireCounts> {
  await using counter = await startWireCounter(config.databaseUrl);
  await using _server = await forkServer({ kind, config: { ...config, databaseUrl: counter.url } });
  const asked = target(kind, config.port, token);
  // The first plan, read keys and prepare statements.
  for (let warmUp = 0; warmUp < 3; warmUp += 1) await askOnce(asked);
  counter.take();
  await askOnce(asked);
  return counter.take();
}

function wireNote(name: string, { roundTrips, statements, parsed }: WireCounts): string {
  return `${name}: ${roundTrips} round trips, ${statements} statements (${parsed} parsed anew)`;
}

function target(kind: ServerKind, port: number, token: string): Target {
  const request =
    kind === "ours"
      ? httpRequest("POST /graphql", {
          token,
          body: { query: NEWEST_PROJECTS_QUERY, variables: { first: PAGE_SIZE } },
        })
      : httpRequest(`GET /projects?first=${PAGE_SIZE}`, { token });
  return { port, request };
}
