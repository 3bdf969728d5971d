/** The ways to write a relation whose rows are somebody's. */
import { identifier, ownerColumn } from "./owned.ts";
import type { Probe, Reach } from "./probe.ts";
import { freshValues, insertOf, plantedValues } from "./rows.ts";
import type { Scene } from "./scene.ts";

/** Every write that might touch a row of B's, or make one. */
export function writeProbes(scene: Scene): Probe[] {
  return [...insertProbes(scene), ...updateProbes(scene), ...deleteProbes(scene)];
}

function insertProbes({ relation, rights, a, b }: Scene): Probe[] {
  const ours = freshValues(a, relation);
  const theirs = freshValues(b, relation);
  const planted = plantedValues(b, relation);
  if (ours === undefined || theirs === undefined || planted === undefined) return [];
  const owner = ownerColumn(relation);
  const named = [...rights.insert, ...(owner === undefined ? [] : [owner])];
  const into = insertOf(relation, named, theirs);
  const onto = insertOf(relation, [...named, ...relation.primaryKey], planted);
  const control = insertOf(relation, rights.insert, ours);
  const key = relation.primaryKey.map(identifier).join(", ");
  const set = assignment(rights.update, owner, (column) => `excluded.${column}`);
  return [
    { kind: "reach", command: "a", verb: "insert", sql: into, control },
    {
      kind: "reach",
      command: "a",
      verb: "merge to insert",
      sql: `merge into ${relation.name} using (select 1 as one) as given on false
        when not matched then ${into.replace(`into ${relation.name} `, "")}`,
    },
    ...(key === ""
      ? []
      : [
          reach("a", "upsert, do nothing", `${onto} on conflict (${key}) do nothing`),
          reach("w", "upsert, do update", `${onto} on conflict (${key}) do update set ${set}`),
        ]),
  ];
}

function updateProbes({ relation, rights, ours, theirs, theirKey, ourKey, a, b }: Scene): Probe[] {
  const { name } = relation;
  const owner = ownerColumn(relation);
  const set = assignment(rights.update, owner, (column) => column);
  const update = (condition: string) => `update ${name} set ${set} where ${condition}`;
  const merge = (condition: string) => `merge into ${name} as kept using (select 1 as one) as given
    on ${condition} when matched then update set ${assignment(rights.update, owner, (c) => `kept.${c}`)}`;
  const move = (condition: string, to: string | undefined) =>
    `update ${name} set ${identifier(owner)} = ${to} where ${condition}`;
  const to = (house: typeof a) => plantedValues(house, relation)?.get(owner ?? "");
  const moves: Probe[] =
    owner === undefined || to(b) === undefined
      ? []
      : [
          reach("w", "move in", move(ourKey, to(b))),
          reach("w", "take over", move(theirKey, to(a))),
        ];
  return [
    {
      kind: "sweep",
      own: true,
      command: "w",
      verb: "update all",
      sql: `update ${name} set ${set}`,
    },
    reach("w", "update", update(theirs), update(ours)),
    reach("w", "update by key", update(theirKey), update(ourKey)),
    reach("w", "merge to update", merge(theirs), merge(ours)),
    ...moves,
  ];
}

function deleteProbes({ relation, ours, theirs }: Scene): Probe[] {
  const { name } = relation;
  const remove = (condition: string) => `delete from ${name} where ${condition}`;
  const merge = (condition: string) =>
    `merge into ${name} using (select 1 as one) as given on ${condition} when matched then delete`;
  return [
    { kind: "sweep", own: true, command: "d", verb: "delete all", sql: `delete from ${name}` },
    reach("d", "delete", remove(theirs), remove(ours)),
    reach("d", "merge to delete", merge(theirs), merge(ours)),
  ];
}

function reach(command: Reach["command"], verb: string, sql: string, control?: string): Reach {
  return { kind: "reach", command, verb, sql, ...(control === undefined ? {} : { control }) };
}

/** Sets what may be set, or else what most of all must not be. */
function assignment(
  columns: readonly string[],
  owner: string | undefined,
  value: (column: string) => string,
): string {
  const written = columns.length > 0 ? columns : [owner ?? "tenant_id"];
  return written
    .map((column) => identifier(column))
    .map((column) => `${column} = ${value(column)}`)
    .join(", ");
}
