/**
 * stripe: whether the Stripe emulator could be the bottleneck of something else that is measured.
 *
 * Ours: simple calls to the emulator, without a state file, as the tests start it.
 * Baseline: a bare node:http server that reads the request and answers the same bytes.
 *
 * Both run in processes of their own; slices take turns. The baseline does nothing at all, so the
 * ratio says what routing, decoding a form, checking parameters, the state and JSON cost together.
 */
import http from "node:http";

import { startStripeEmulator } from "../dev/stripe/emulator.ts";
import { forkFile, obeyParent, type Forked } from "./fork.ts";
import { portOf } from "./listen.ts";
import { openLoad, type Target } from "./load.ts";
import type { Scale } from "./options.ts";
import type { Outcome, Result } from "./report.ts";
import { interleave, pairedRatio, quantile } from "./statistics.ts";

const BASELINE = "a bare node:http server that answers the same bytes";
const CONCURRENCIES = [1, 16] as const;
const WARM_UP_SHARE = 1.5;

type Call = { name: string; method: "GET" | "POST"; path: string; form?: string };
/** What a process is to be: the emulator, or a server with this one answer. */
type Order = { kind: "emulator" } | { kind: "bare"; body: string };

export type StripeOptions = {
  scale: Pick<Scale, "httpRounds" | "sliceMs">;
  log: (line: string) => void;
};

export async function benchStripe({ scale, log }: StripeOptions): Promise<Outcome> {
  await using emulator = await forkEmulator({ kind: "emulator" });
  const create = { name: "create a customer", method: "POST", path: "/v1/customers" } as const;
  const form = "name=Acme&email=alice%40acme.test&metadata[tenant_id]=t1";
  const created = await ask(emulator.ready, { ...create, form });
  const id = /"id": "(cus_\w+)"/.exec(created)?.[1] ?? "";
  const retrieve = {
    name: "retrieve a customer",
    method: "GET",
    path: `/v1/customers/${id}`,
  } as const;

  const results: Result[] = [];
  for (const call of [retrieve, { ...create, form }]) {
    await using bare = await forkEmulator({ kind: "bare", body: await ask(emulator.ready, call) });
    for (const concurrency of CONCURRENCIES) {
      log(`stripe: ${call.name}, ${concurrency} at a time`);
      const ports = { ours: emulator.ready, theirs: bare.ready };
      results.push(await measure(call, ports, concurrency, scale));
    }
  }
  return { results, notes: [], plans: [] };
}

async function measure(
  call: Call,
  ports: { ours: number; theirs: number },
  concurrency: number,
  { httpRounds, sliceMs }: StripeOptions["scale"],
): Promise<Result> {
  using ours = await openLoad(target(ports.ours, call), concurrency);
  using theirs = await openLoad(target(ports.theirs, call), concurrency);
  const runBoth = (rounds: number, durationMs: number) =>
    interleave(
      rounds,
      async () => (await ours.run(durationMs)).requestsPerSecond,
      async () => (await theirs.run(durationMs)).requestsPerSecond,
    );
  await runBoth(1, sliceMs * WARM_UP_SHARE);
  const slices = await runBoth(httpRounds, sliceMs);
  return {
    name: "stripe",
    case: `${call.name}, ${concurrency} at a time`,
    baseline: BASELINE,
    unit: "requests/s",
    better: "higher",
    ratio: pairedRatio(slices.ours, slices.theirs),
    ours: quantile(slices.ours, 0.5),
    theirs: quantile(slices.theirs, 0.5),
  };
}

const AUTHORIZATION = "Bearer sk_test_bench";
const FORM = "application/x-www-form-urlencoded";

function target(port: number, { method, path, form = "" }: Call): Target {
  const head = [
    `${method} ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    `authorization: ${AUTHORIZATION}`,
    ...(method === "GET" ? [] : [`content-type: ${FORM}`, `content-length: ${form.length}`]),
  ];
  return { port, request: Buffer.from(`${head.join("\r\n")}\r\n\r\n${form}`) };
}

async function ask(port: number, { method, path, form }: Call): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { Authorization: AUTHORIZATION, "Content-Type": FORM },
    ...(form === undefined ? {} : { body: form }),
  });
  return response.text();
}

/** A server in a process of its own; says its port. */
export function forkEmulator(order: Order): Promise<Forked<number>> {
  return forkFile(import.meta.filename, order.kind, order);
}

async function startEmulator(): Promise<number> {
  const { url } = await startStripeEmulator({ port: 0 });
  return Number(new URL(url).port);
}

async function startBare(body: string): Promise<number> {
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const server = http.createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, headers).end(body));
  });
  return await portOf(server);
}

if (import.meta.main) {
  await obeyParent((order: Order) =>
    order.kind === "emulator" ? startEmulator() : startBare(order.body),
  );
}
