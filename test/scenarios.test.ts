/**
 * The adversarial scenarios of billing are numbered, S1 to S62: receiver, order, state machine, calls
 * to Stripe. Each has a test that says its number; without this one a number could vanish unseen.
 */
import { glob, readFile } from "node:fs/promises";

import { expect, test } from "vitest";

const SCENARIOS = 62;

test("every scenario of billing has a test that names it", async () => {
  const proved = new Set<number>();
  for await (const file of glob("test/**/*.test.ts")) {
    const source = await readFile(file, "utf8");
    for (const [, numbers = ""] of source.matchAll(/["`]((?:S\d+(?:, )?)+):/g)) {
      for (const [, number] of numbers.matchAll(/S(\d+)/g)) proved.add(Number(number));
    }
  }
  const all = Array.from({ length: SCENARIOS }, (_, index) => index + 1);
  expect(all.filter((number) => !proved.has(number))).toEqual([]);
});
