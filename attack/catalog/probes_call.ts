/** Calls of a function as probes. */
import type { Planting } from "../fixture/plant.ts";
import { callsOf, type Routine } from "./functions.ts";
import type { Probe } from "./probe.ts";

/** The call that must work for somebody, or none of the others proves anything. */
const OWN_CALL = "call with A's";

/** The calls; or the argument for which attack/catalog/calls.ts has no sample. */
export function callProbes(
  { a, b }: Planting,
  routine: Routine,
): readonly Probe[] | { missing: string } {
  const calls = callsOf(routine, a, b);
  if ("missing" in calls) return calls;
  const { ours, theirs, nobodys } = calls;
  const sweep = { kind: "sweep", command: routine.volatile ? "w" : "r" } as const;
  if (ours === theirs) return [{ ...sweep, own: true, verb: OWN_CALL, sql: ours }];
  return [
    { ...sweep, own: true, verb: OWN_CALL, sql: ours },
    { ...sweep, own: false, verb: "call with B's", sql: theirs },
    ...(nobodys === undefined
      ? []
      : [
          {
            kind: "compare",
            command: "r",
            verb: "call with what B has or nobody",
            taken: theirs,
            free: nobodys,
            word: true,
          } as const,
        ]),
  ];
}
