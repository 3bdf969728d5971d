/**
 * The same scenarios against the emulator, always, and against a real Stripe sandbox when
 * STRIPE_TEST_SECRET_KEY has the key of one. They use the API alone, so that whatever they say of
 * the emulator can be held to Stripe.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { paced, sandbox, sandboxKey } from "../support/stripe_sandbox.ts";
import { makeBench } from "./stripe_scenarios/bench.ts";
import type { Scenario, Target } from "./stripe_scenarios/bench.ts";
import { CATALOG } from "./stripe_scenarios/catalog.ts";
import { CHANGES } from "./stripe_scenarios/changes.ts";
import { FIRST_PAYMENTS } from "./stripe_scenarios/first_payments.ts";
import { PROTOCOL } from "./stripe_scenarios/protocol.ts";
import { TIME } from "./stripe_scenarios/time.ts";
import { clientOf, startEmulated } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const SCENARIOS = [...CATALOG, ...FIRST_PAYMENTS, ...TIME, ...CHANGES, ...PROTOCOL];

async function play(scenario: Scenario, target: Target): Promise<"played"> {
  await using bench = makeBench(target);
  await scenario.run(bench);
  return "played";
}

describe("the emulator", () => {
  let emulated: Emulated;
  beforeAll(async () => {
    emulated = await startEmulated();
  });
  afterAll(() => emulated.close());

  test.each(SCENARIOS)("$name", async (scenario) => {
    const { stripe, url } = emulated;
    const withKey = (key: string) => clientOf(url, key);
    const target = { stripe, withKey, pauseMs: 5, deadlineMs: 5_000 };
    expect(await play(scenario, target)).toBe("played");
  });
});

const key = sandboxKey();
if (key === undefined) {
  process.stdout.write("Stripe sandbox: skipped, since STRIPE_TEST_SECRET_KEY is not set\n");
}

describe.skipIf(key === undefined)("a real Stripe sandbox", () => {
  test.each(SCENARIOS)("$name", { timeout: 900_000 }, async (scenario) => {
    expect(await play(scenario, sandbox(key ?? ""))).toBe("played");
  });
});

test("scenarios are played in a sandbox only, and are left out without its key", () => {
  expect(sandboxKey({})).toBeUndefined();
  expect(sandboxKey({ STRIPE_TEST_SECRET_KEY: "" })).toBeUndefined();
  expect(sandboxKey({ STRIPE_TEST_SECRET_KEY: "sk_test_x" })).toBe("sk_test_x");
  for (const live of ["sk_live_secret", "rk_live_secret", "pk_test_secret"]) {
    expect(() => sandboxKey({ STRIPE_TEST_SECRET_KEY: live })).toThrow(/^(?!.*secret).*sk_test_/s);
  }
});

test("a sandbox's limit on calls is waited for", async () => {
  const statuses = [200, 429, 429, 200];
  const answer = () => Promise.resolve(new Response(null, { status: statuses.shift() ?? 500 }));
  const send = paced(answer, 1);
  const answers = await Promise.all([send("http://a.test"), send("http://a.test")]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(statuses).toEqual([]);
});
