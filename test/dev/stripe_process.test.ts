/** The emulator as its own process, as `npm run stripe` starts it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Stripe } from "stripe";
import { expect, test } from "vitest";

import { readOptions } from "../../dev/stripe/options.ts";
import { parseEmulatorConfig } from "../../server/config.ts";
import { startEmulated, startReceiver } from "./stripe_support.ts";

const MAIN = fileURLToPath(new URL("../../dev/stripe/main.ts", import.meta.url));

function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { STRIPE_EMULATOR_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output.text += chunk.toString("utf8")));
  }
  return { child, output, exited: once(child, "close") };
}

async function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { child, output, exited } = run(args, env);
  let url: string | undefined;
  for await (const line of createInterface(child.stdout)) {
    url = /^The Stripe emulator is at (http:\S+)$/.exec(line)?.[1];
    if (url !== undefined) break;
  }
  if (url === undefined) throw new Error(output.text);
  const stripe = new Stripe("sk_test_x", {
    host: "127.0.0.1",
    port: Number(new URL(url).port),
    protocol: "http",
    telemetry: false,
  });
  return {
    url,
    stripe,
    async stop(signal: NodeJS.Signals): Promise<unknown> {
      child.kill(signal);
      return (await exited)[0];
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

test("the emulator runs alone, signs with the secret given, and keeps its state in the file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stripe-process-"));
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  await using receiver = await startReceiver();
  const { url, secret } = receiver.webhook;
  const args = ["--state", join(folder, "state.json"), "--webhook-url", url];

  await using first = await start([...args, "--webhook-secret", secret]);
  const { id } = await first.stripe.customers.create({ name: "Acme" });
  await expect
    .poll(() => receiver.received.map((event) => event.type))
    .toEqual(["customer.created"]);
  expect(await first.stop("SIGTERM")).toBe(0);

  await using second = await start([...args, "--webhook-secret", secret], {
    STRIPE_EMULATOR_CHAOS: "seed=7, duplicate=.2",
    STRIPE_EMULATOR_FAULTS: "kind=slow ms=1, kind=500_before method=POST path=/v1/products nth=2",
  });
  const faults = await fetch(`${second.url}/_emulator/faults`);
  expect(await faults.json()).toEqual({
    faults: [
      { kind: "slow", ms: 1, nth: 1 },
      { kind: "500_before", method: "POST", path: "/v1/products", ms: 0, nth: 2 },
    ],
  });
  expect(await second.stripe.customers.retrieve(id)).toMatchObject({ name: "Acme" });
  const chaos = await fetch(`${second.url}/_emulator/chaos`);
  expect(await chaos.json()).toMatchObject({ seed: 7, duplicate: 0.2, drop: 0 });
  expect(await second.stop("SIGINT")).toBe(0);
});

test("--help says what there is", async () => {
  const { output, exited } = run(["--help"]);
  expect((await exited)[0]).toBe(0);
  for (const option of ["--port", "--webhook-url", "--webhook-secret", "--state"]) {
    expect(output.text).toContain(option);
  }
});

test("a taken port, unknown chaos or an unknown fault ends the start with one reason, and no stack", async () => {
  await using emulated = await startEmulated();
  const { port } = new URL(emulated.url);
  const refusals = [
    [
      { STRIPE_EMULATOR_PORT: port },
      `Port ${port} is in use. Stop what listens there or set STRIPE_EMULATOR_PORT.`,
    ],
    [
      { STRIPE_EMULATOR_CHAOS: "dorp=0.1" },
      "STRIPE_EMULATOR_CHAOS: Received unknown parameter: dorp",
    ],
    [
      { STRIPE_EMULATOR_FAULTS: "kind=slow, kind=409 nht=2" },
      "STRIPE_EMULATOR_FAULTS: Received unknown parameter: faults[1][nht]",
    ],
  ] as const;
  await Promise.all(
    refusals.map(async ([env, reason]) => {
      const { output, exited } = run([], env);
      expect([(await exited)[0], output.text]).toEqual([1, `npm run stripe: ${reason}\n`]);
    }),
  );
  const malformed = { STRIPE_EMULATOR_CHAOS: "drop=often" };
  expect(() => parseEmulatorConfig(malformed)).toThrow(
    'must be like seed=7,duplicate=0.2, not "drop=often"',
  );
  expect(() => parseEmulatorConfig({ STRIPE_EMULATOR_FAULTS: "kind=409 twice" })).toThrow(
    'must be like kind=500_after method=POST nth=2, not "kind=409 twice"',
  );
});

test.each([
  [["--port", "many"], "--port must be"],
  [["--port", "65536"], "--port must be"],
  [["--webhook-url", "here"], "--webhook-url must be"],
  [["--webhook-url", "http://x", "--webhook-secret", ""], "--webhook-secret must not be empty"],
  [["--webhook-secret", "whsec_x"], "without --webhook-url"],
  [["--prot", "1"], "Unknown option '--prot'"],
])("the options %j are refused with the reason", (args, reason) => {
  expect(() => readOptions(args)).toThrow(reason);
});
