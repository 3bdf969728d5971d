/** What a member may not do with the tenant's own rows: the permissions within a tenant. */
import type { Planting } from "../fixture/plant.ts";
import { callsOf, type Routine } from "./functions.ts";
import { identifier, ownedBy } from "./owned.ts";
import type { Probe } from "./probe.ts";
import type { Relation, Rights } from "./relations.ts";
import type { NeededPermission } from "./source.ts";

/** Rows of one's own tenant that the policies keep for those with a permission. */
export function rowPermissionProbes(
  { a }: Planting,
  relation: Relation,
  rights: Rights,
  lacking: readonly NeededPermission[],
): Probe[] {
  const ours = ownedBy(a, relation);
  if (ours === undefined) return [];
  const { name, columns } = relation;
  const column = identifier(rights.update[0] ?? columns[0]?.name);
  const attempts = {
    r: { verb: "read", sql: `select 1 from ${name} where ${ours}` },
    a: { verb: "insert", sql: `insert into ${name} default values` },
    w: { verb: "update", sql: `update ${name} set ${column} = ${column} where ${ours}` },
    d: { verb: "delete", sql: `delete from ${name} where ${ours}` },
  };
  return lacking
    .filter((needed) => needed.relation === name)
    .map(({ command, permission }) => ({
      kind: "reach",
      command,
      verb: `${attempts[command].verb} without ${permission}`,
      sql: attempts[command].sql,
    }));
}

/** Rows of one's own tenant that nobody reads while it is suspended. */
export function suspendedProbes(
  { a }: Planting,
  relation: Relation,
  suspending: ReadonlySet<string>,
): Probe[] {
  const ours = ownedBy(a, relation);
  if (ours === undefined || !suspending.has(relation.name)) return [];
  const sql = `select 1 from ${relation.name} where ${ours}`;
  return [{ kind: "reach", command: "r", verb: "read while suspended", sql }];
}

/** Calls that a function's comment keeps for those with a permission. */
export function callPermissionProbes(
  { a, b }: Planting,
  routine: Routine,
  lacking: ReadonlySet<string>,
): Probe[] {
  const calls = callsOf(routine, a, b);
  if ("missing" in calls) return [];
  return routine.permissions
    .filter((permission) => lacking.has(permission))
    .map((permission) => ({
      kind: "forbidden",
      verb: `call without ${permission}`,
      sql: calls.ours,
    }));
}
