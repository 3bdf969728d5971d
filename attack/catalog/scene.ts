/** One relation as one role meets it, with the rows to attack. */
import type { House, Planting } from "../fixture/plant.ts";
import { keyOf, ownedBy } from "./owned.ts";
import type { Relation, Rights } from "./relations.ts";

export type Scene = {
  relation: Relation;
  rights: Rights;
  a: House;
  b: House;
  /** Conditions: A's rows, B's rows, and the first of each by its key. */
  ours: string;
  theirs: string;
  ourKey: string;
  theirKey: string;
};

/** The scene; undefined for what is nobody's. */
export function sceneOf({ a, b }: Planting, relation: Relation, rights: Rights): Scene | undefined {
  const ours = ownedBy(a, relation);
  const theirs = ownedBy(b, relation);
  if (ours === undefined || theirs === undefined) return undefined;
  const ourKey = keyOf(a, relation) ?? ours;
  const theirKey = keyOf(b, relation) ?? theirs;
  return { relation, rights, a, b, ours, theirs, ourKey, theirKey };
}
