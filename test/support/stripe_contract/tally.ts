/** What has been held to the contract in one test file. Light, because every test file loads it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { inject } from "vitest";

/** How often each endpoint answered, was called by Rowhouse itself, and each event was sent. */
export type Counts = Record<"responses" | "requests" | "events", Record<string, number>>;

export type Tally = {
  counts: Counts;
  count(what: keyof Counts, key: string): void;
  report(violation: string): void;
  /** What was wrong since the last time this was asked. */
  takeViolations(): string[];
};

export function makeTally(): Tally {
  const counts: Counts = { responses: {}, requests: {}, events: {} };
  let violations: string[] = [];
  return {
    counts,
    count(what, key) {
      counts[what][key] = (counts[what][key] ?? 0) + 1;
    },
    report: (violation) => void violations.push(violation),
    takeViolations() {
      const taken = violations;
      violations = [];
      return taken;
    },
  };
}

/** That of the test file. */
export const tally = makeTally();

/** Leaves the figures where the end of the run adds them up. */
export function saveCounts(name: string): void {
  const { counts } = tally;
  if (Object.values(counts).every((each) => Object.keys(each).length === 0)) return;
  writeFileSync(join(inject("stripeContract").counts, `${name}.json`), JSON.stringify(counts));
}
