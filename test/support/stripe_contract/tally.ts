/** What has been held to the contract in one test file. Light, because every test file loads it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { inject } from "vitest";

/** How often each endpoint answered, was called by Rowhouse itself, and each event was sent. */
export type Counts = Record<"responses" | "requests" | "events", Record<string, number>>;

export type Tally = {
  count(what: keyof Counts, key: string): void;
  report(violation: string): void;
  /** The figures since the last time this was asked. */
  takeCounts(): Counts;
  /** What was wrong since the last time this was asked. */
  takeViolations(): string[];
};

export function makeTally(): Tally {
  let counts = noCounts();
  let violations: string[] = [];
  return {
    count(what, key) {
      counts[what][key] = (counts[what][key] ?? 0) + 1;
    },
    report: (violation) => void violations.push(violation),
    takeCounts() {
      const taken = counts;
      counts = noCounts();
      return taken;
    },
    takeViolations() {
      const taken = violations;
      violations = [];
      return taken;
    },
  };
}

function noCounts(): Counts {
  return { responses: {}, requests: {}, events: {} };
}

/** That of the worker's test files, one after the other. */
export const tally = makeTally();

/** Leaves the figures where the end of the run adds them up. */
export function saveCounts(name: string): void {
  const counts = tally.takeCounts();
  if (Object.values(counts).every((each) => Object.keys(each).length === 0)) return;
  writeFileSync(join(inject("stripeContract").counts, `${name}.json`), JSON.stringify(counts));
}
