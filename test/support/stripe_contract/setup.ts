/** In every test file: a test in which the emulator or Rowhouse broke Stripe's contract has failed. */
import { randomUUID } from "node:crypto";

import { afterAll, afterEach } from "vitest";

import { saveCounts, tally } from "./tally.ts";

afterEach(complain);
afterAll(() => {
  saveCounts(randomUUID());
  complain();
});

function complain(): void {
  const violations = [...new Set(tally.takeViolations())];
  if (violations.length === 0) return;
  throw new Error(`Not as the Stripe SDK declares it:\n  ${violations.join("\n  ")}`);
}
