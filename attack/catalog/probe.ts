/** What is tried on a relation. */
import type { Command } from "./exceptions.ts";

type Common = { verb: string };

/** Aims at rows that are not A's: any that it reaches are a leak. */
export type Reach = Common & {
  kind: "reach";
  command: Command;
  sql: string;
  /** The same, aimed at A's own rows: it must reach them, or the attack proves nothing. */
  control?: string;
  /** The SQLSTATE that shows a row was reached, when it is no result that does. */
  shows?: string;
};

/** Takes whatever it gets: nothing of B's may be in the answer or touched, as the witness tells. */
export type Sweep = Common & {
  kind: "sweep";
  command: Command;
  sql: string;
  /** Whether what it gets is A's own; else an answer without B in it is no more than an answer. */
  own: boolean;
};

/** Asks twice, for what B has and for what nobody has: both must be answered alike. */
export type Compare = Common & {
  kind: "compare";
  command: Command;
  taken: string;
  free: string;
  /** The unique index that it asks. */
  index?: string;
  /** Whether the answers' texts must be alike too, apart from ids and times. */
  word?: boolean;
};

/** Must be refused, whatever rows there are. */
export type Forbidden = Common & {
  kind: "forbidden";
  /** Left out where no exception can allow it. */
  command?: Command;
  sql: string;
  /** SQLSTATEs that come only after the right was found to be there. */
  passed?: readonly string[];
  /** Why it is let pass where it is allowed after all. */
  accepted?: string;
};

export type Probe = Reach | Sweep | Compare | Forbidden;

/** The statements that a probe begins with, as far as they may be sent many at once. */
export function openings(probes: readonly Probe[]): string[] {
  return probes.flatMap((probe) => {
    if (probe.kind === "compare") return [probe.free, probe.taken];
    // What lets rows be copied in waits for them.
    return probe.sql.startsWith("copy") && probe.sql.endsWith("stdin") ? [] : [probe.sql];
  });
}
