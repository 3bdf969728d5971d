/** All that one actor tries, object by object. */
import type { Planting } from "../fixture/plant.ts";
import type { Actor } from "./actors.ts";
import type { Battlefield } from "./battlefield.ts";
import { enterProbes, escapeProbes, permissionProbes } from "./doors.ts";
import type { Command } from "./exceptions.ts";
import type { Target } from "./judge.ts";
import { ownedBy } from "./owned.ts";
import type { Probe } from "./probe.ts";
import { probesFor } from "./probes.ts";
import { callProbes } from "./probes_call.ts";
import { callPermissionProbes, rowPermissionProbes, suspendedProbes } from "./probes_permission.ts";
import { refusalProbes } from "./probes_refusal.ts";
import { NO_RIGHTS, type Relation, type Rights, type RoleRights } from "./relations.ts";

export type Assignment = { target: Target; probes: () => readonly Probe[] };

/** The assignments of an actor whose role has these rights. */
export function assignmentsFor(
  field: Battlefield,
  planting: Planting,
  actor: Actor,
  rights: RoleRights,
): Assignment[] {
  const held = new Set(field.permissions.of(actor.name));
  const missing = field.permissions.all.filter((permission) => !held.has(permission));
  const lacking = new Set(actor.inside ? missing : []);
  const isLacking = ({ permission }: { permission: string }) => lacking.has(permission);
  const granted = field.memberships.get(actor.login) ?? [];
  return [
    ...field.relations.map((relation) => ({
      target: {
        object: relation.name,
        actor,
        rows: whoseRows(planting, relation),
        held: heldOn(rights, relation),
      },
      probes: () => [
        ...probesFor(planting, relation, rightsOn(rights, relation)),
        ...rowPermissionProbes(
          planting,
          relation,
          rightsOn(rights, relation),
          field.needed.filter(isLacking),
        ),
        ...(actor.role === "app_user" && !actor.reads
          ? refusalProbes(planting, relation, rightsOn(rights, relation))
          : []),
        ...(actor.suspended ? suspendedProbes(planting, relation, field.suspending) : []),
      ],
    })),
    ...field.routines.map((routine) => ({
      target: {
        object: routine.signature,
        actor,
        rows: "function" as const,
        held: rights.routines.has(routine.signature) ? CALL : NOTHING,
      },
      probes: () => {
        const probes = callProbes(planting, routine);
        if ("missing" in probes) return [];
        return [...probes, ...callPermissionProbes(planting, routine, lacking)];
      },
    })),
    {
      target: { object: "the session", actor, rows: "mixed", held: NOTHING },
      probes: () => [
        ...escapeProbes(planting, actor, field.roles, granted),
        ...permissionProbes(lacking),
      ],
    },
    {
      target: { object: "app_private.enter", actor, rows: "mixed", held: NOTHING },
      probes: () => (actor.role === "rowhouse_server" ? enterProbes(planting) : []),
    },
  ];
}

const NOTHING: ReadonlySet<Command> = new Set();
const CALL: ReadonlySet<Command> = new Set(["r", "w"]);
const RIGHT_TO = { r: "select", a: "insert", w: "update", d: "delete" } as const;

function rightsOn({ relations }: RoleRights, { name }: Relation): Rights {
  return relations.get(name) ?? NO_RIGHTS;
}

function heldOn(role: RoleRights, relation: Relation): ReadonlySet<Command> {
  const rights = rightsOn(role, relation);
  const commands = ["r", "a", "w", "d"] as const;
  return new Set(commands.filter((command) => rights[RIGHT_TO[command]].length > 0));
}

function whoseRows({ b }: Planting, relation: Relation): Target["rows"] {
  if (ownedBy(b, relation) !== undefined) return "owned";
  return relation.kind === "view" || relation.kind === "materialized view" ? "mixed" : "shared";
}
