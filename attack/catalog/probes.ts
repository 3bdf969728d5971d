/** Everything that is tried on one relation by one role. */
import type { Planting } from "../fixture/plant.ts";
import type { Command } from "./exceptions.ts";
import { identifier } from "./owned.ts";
import type { Probe } from "./probe.ts";
import { oracleProbes } from "./probes_oracle.ts";
import { readProbes } from "./probes_read.ts";
import { writeProbes } from "./probes_write.ts";
import type { Relation, Rights } from "./relations.ts";
import { sceneOf } from "./scene.ts";

/** The probes for a relation. */
export function probesFor(planting: Planting, relation: Relation, rights: Rights): Probe[] {
  if (relation.kind === "sequence") return sequenceProbes(relation);
  const scene = sceneOf(planting, relation, rights);
  const rows =
    scene === undefined
      ? nobodysProbes(relation, rights)
      : [...readProbes(scene), ...writeProbes(scene), ...oracleProbes(scene)];
  return [...rows, ...tableProbes(relation)];
}

/** What never asks a policy. */
function tableProbes({ name, kind }: Relation): Probe[] {
  if (kind !== "table") return [];
  return [
    // A table that others reference is refused for that reason, after the right was found.
    { kind: "forbidden", verb: "truncate", sql: `truncate ${name}`, passed: ["0A000"] },
    // The driver breaks off what the server lets begin.
    {
      kind: "forbidden",
      command: "a",
      verb: "copy in",
      sql: `copy ${name} from stdin`,
      passed: ["57014"],
    },
    {
      kind: "forbidden",
      verb: "turn policies off",
      sql: `alter table ${name} disable row level security`,
    },
    {
      kind: "forbidden",
      verb: "lock",
      sql: `lock table ${name} in access exclusive mode nowait`,
      passed: ["55P03"],
      accepted:
        "accepted risk: whoever may write a table may lock it, but only our code writes SQL",
    },
  ];
}

function sequenceProbes({ name }: Relation): Probe[] {
  return [
    {
      kind: "sweep",
      own: true,
      command: "r",
      verb: "select",
      sql: `select last_value from ${name}`,
    },
    {
      kind: "sweep",
      own: true,
      command: "w",
      verb: "take the next value",
      sql: `select nextval('${name}')`,
    },
  ];
}

/** Of rows that are nobody's, or that don't tell whose they are: views, lists of everyone's. */
function nobodysProbes({ name, kind, columns }: Relation, rights: Rights): Probe[] {
  const writable = columns.find(({ generated }) => !generated)?.name;
  const column = identifier(writable ?? columns[0]?.name);
  const readable = rights.select.map(identifier).join(", ") || "*";
  const select = `select row_to_json(seen)::text from (select ${readable} from ${name} limit 1000) as seen`;
  const write = (command: Command, verb: string, sql: string, ...passed: string[]): Probe => ({
    kind: "forbidden",
    command,
    verb,
    sql,
    passed,
  });
  const writes =
    kind === "table"
      ? [
          write("a", "insert", `insert into ${name} default values`, "23502", "23514", "23505"),
          write("w", "update all", `update ${name} set ${column} = ${column}`),
          write("d", "delete all", `delete from ${name}`, "23503"),
        ]
      : [];
  return [{ kind: "sweep", own: true, command: "r", verb: "select all", sql: select }, ...writes];
}
