/**
 * Oracles: keys are checked past row-level security, so "taken" or "there is no such parent" may
 * tell of B's rows. What B has must be answered like what nobody has.
 */
import { randomBytes, randomUUID } from "node:crypto";

import { identifier, literal, PEOPLE, rowOf } from "./owned.ts";
import type { Compare, Probe } from "./probe.ts";
import { freshen, freshValues, insertOf, plantedValues, referencing } from "./rows.ts";
import type { Scene } from "./scene.ts";

/** Questions to each unique index and each foreign key. */
export function oracleProbes(scene: Scene): Probe[] {
  const { relation } = scene;
  return [
    ...relation.uniques.flatMap((unique) => uniqueProbes(scene, unique)),
    ...relation.foreignKeys.flatMap((key) => foreignKeyProbes(scene, key)),
  ];
}

function uniqueProbes(scene: Scene, unique: Scene["relation"]["uniques"][number]): Probe[] {
  const { name, columns, condition } = unique;
  const { relation, rights, a, b } = scene;
  const fixed = referencing(relation);
  const base = freshValues(a, relation);
  const theirs = plantedValues(b, relation);
  if (base === undefined || theirs === undefined) return [];
  // What the database makes up is nobody's to ask for.
  const asked = columns.filter((column) => !fixed.has(column) && base.has(column));
  if (asked.length === 0) return [];
  const taken = new Map(base);
  for (const column of asked) taken.set(column, theirs.get(column) ?? "null");
  const free = freshen(a, relation, base, asked);
  const given = [...rights.insert, ...asked];
  const target = columns.map(identifier).join(", ");
  const where = condition === null ? "" : ` where ${condition}`;
  const compare = (verb: string, suffix: string): Compare => ({
    kind: "compare",
    command: "a",
    verb: `${verb} ${name.replace(/^.*\./, "")}`,
    taken: `${insertOf(relation, given, taken)} ${suffix}`,
    free: `${insertOf(relation, given, free)} ${suffix}`,
    index: name,
  });
  return [
    compare("insert a key that B has:", ""),
    compare("upsert, do nothing, on a key that B has:", "on conflict do nothing"),
    // Any column that may be set; else the key itself, which is refused like the rest.
    compare(
      "upsert, do update, on a key that B has:",
      `on conflict (${target})${where} do update set ${updated(rights.update[0] ?? asked[0])}`,
    ),
  ];
}

function updated(column: string | undefined): string {
  return `${identifier(column)} = excluded.${identifier(column)}`;
}

function foreignKeyProbes(
  { relation, rights, a, b, ours }: Scene,
  key: Scene["relation"]["foreignKeys"][number],
): Probe[] {
  const parent = rowOf(b, key.parent);
  const pairs = key.columns.map((column, n) => ({ column, to: key.parentColumns[n] ?? "" }));
  const asked = pairs.filter(({ column }) => column !== "tenant_id");
  const base = freshValues(a, relation);
  // Whoever knows a person's id may learn that it is one.
  if (PEOPLE.has(key.parent) || parent === undefined || asked.length === 0) return [];
  if (base === undefined) return [];
  const theirs = new Map(base);
  const nobodys = new Map(base);
  for (const { column, to } of asked) {
    const value = parent[to];
    theirs.set(column, literal(value));
    nobodys.set(
      column,
      literal(isUuid(value) ? randomUUID() : `p${randomBytes(8).toString("hex")}`),
    );
  }
  const given = [...rights.insert, ...asked.map(({ column }) => column)];
  const set = (values: ReadonlyMap<string, string>) =>
    asked.map(({ column }) => `${identifier(column)} = ${values.get(column)}`).join(", ");
  const update = (values: ReadonlyMap<string, string>) =>
    `update ${relation.name} set ${set(values)} where ${ours}`;
  return [
    {
      kind: "compare",
      command: "a",
      verb: `insert a reference to B's row: ${key.name}`,
      taken: insertOf(relation, given, theirs),
      free: insertOf(relation, given, nobodys),
    },
    {
      kind: "compare",
      command: "w",
      verb: `update a reference to B's row: ${key.name}`,
      taken: update(theirs),
      free: update(nobodys),
    },
  ];
}

function isUuid(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(value);
}
