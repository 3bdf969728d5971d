/**
 * kill -9 at every statement boundary of the saga and of an event's way. The snapshot holds the
 * list; what is added to a way is attacked from that day on. docs/billing_proof.md tells more.
 */
import { expect } from "../support/index.ts";
import { longRun } from "../support/long_run.ts";
import { test as base } from "../support/tasks.ts";
import { failpointsOf, sampleOf } from "./failpoints.ts";
import { application, receipt, saga, type Way } from "./kill_scenes.ts";
import { bootVictims, type Victims } from "./killing.ts";

const test = base.extend<{ $file: { victims: Victims } }>({
  victims: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed
    async ({}, use) => {
      await using victims = bootVictims(2);
      await use(victims);
    },
    { scope: "file" },
  ],
});

/** Of each way, in `npm test`. */
const SAMPLE = 2;

const WAYS: Record<string, Way> = { saga, receipt, application };

for (const [name, way] of Object.entries(WAYS)) {
  test(
    `S20, S21: a process killed at any boundary of the ${name} leaves nothing half done`,
    async ({ workshop, victims }) => {
      const { seen } = await way(workshop, victims, undefined);
      // Sorted, because some calls are under way at the same time.
      const list = seen.map(({ label, nth }) => (nth === 1 ? label : `${label} (${nth})`));
      expect(list.toSorted()).toMatchSnapshot();
      const all = failpointsOf(seen);
      for (const failpoint of longRun.isOn ? all : sampleOf(all, SAMPLE)) {
        const { wasKilled } = await way(workshop, victims, failpoint);
        expect(wasKilled, JSON.stringify(failpoint)).toBe(true);
      }
    },
    longRun.isOn ? 900_000 : 120_000,
  );
}
