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

async function start(args: string[]) {
  const { child, output, exited } = run(args);
  const [first] = await Promise.race([once(createInterface(child.stdout), "line"), exited]);
  const url = /^The Stripe emulator is at (http:\S+)$/.exec(String(first))?.[1];
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

  await using second = await start([...args, "--webhook-secret", secret]);
  expect(await second.stripe.customers.retrieve(id)).toMatchObject({ name: "Acme" });
  expect(await second.stop("SIGINT")).toBe(0);
});

test("--help says what there is", async () => {
  const { output, exited } = run(["--help"]);
  expect((await exited)[0]).toBe(0);
  for (const option of ["--port", "--webhook-url", "--webhook-secret", "--state"]) {
    expect(output.text).toContain(option);
  }
});

test("a taken port ends the start with one reason, and no stack", async () => {
  await using emulated = await startEmulated();
  const { port } = new URL(emulated.url);
  const { output, exited } = run([], { STRIPE_EMULATOR_PORT: port });
  expect((await exited)[0]).toBe(1);
  expect(output.text).toBe(
    `npm run stripe: Port ${port} is in use. Stop what listens there or set STRIPE_EMULATOR_PORT.\n`,
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
