/** The ways to read a relation whose rows are somebody's. */
import type { Command } from "./exceptions.ts";
import { identifier } from "./owned.ts";
import type { Probe } from "./probe.ts";
import type { Scene } from "./scene.ts";

/** Every read that might show a row of B's. */
export function readProbes({ relation, rights, ours, theirs, ourKey, theirKey }: Scene): Probe[] {
  const { name } = relation;
  const readable = rights.select.length > 0 ? rights.select.map(identifier).join(", ") : "*";
  const rows = (condition: string) =>
    `select row_to_json(seen)::text from (select ${readable} from ${name} where ${condition} limit 50) as seen`;
  const reach = (
    verb: string,
    sql: (condition: string) => string,
    { command = "r", shows }: { command?: Command; shows?: string } = {},
  ): Probe => ({
    kind: "reach",
    command,
    verb,
    sql: sql(theirs),
    control: sql(ours),
    ...(shows === undefined ? {} : { shows }),
  });
  // Locking a row takes the right, and the policy, to update it.
  const locks = { command: "w" } as const;
  // Whose a row is only tenant_id says; a person's table may show other people of one's own.
  const foreign = theirs.startsWith("tenant_id") ? `(${ours}) is not true` : theirs;
  return [
    { kind: "reach", command: "r", verb: "select all", sql: rows(foreign), control: rows(ours) },
    {
      kind: "reach",
      command: "r",
      verb: "select by key",
      sql: rows(theirKey),
      control: rows(ourKey),
    },
    reach(
      "count",
      (condition) =>
        `select n from (select count(*) as n from ${name} where ${condition}) as counted where n > 0`,
    ),
    reach("select for update", (c) => `select 1 from ${name} where ${c} for update`, locks),
    reach("select for key share", (c) => `select 1 from ${name} where ${c} for key share`, locks),
    // Division is not leakproof: it must not be reached by a row that the policy hides.
    reach(
      "condition that fails",
      (c) => `select 1 from ${name} where 1 / (case when ${c} then 0 else 1 end) > 1`,
      { shows: "22012" },
    ),
    reach("copy out", (c) => `copy (select ${readable} from ${name} where ${c}) to stdout`),
  ];
}
