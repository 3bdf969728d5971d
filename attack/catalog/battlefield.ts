/** What is there to attack, read once. */
import type pg from "pg";

import type { Planting } from "../fixture/plant.ts";
import { readPermissions, type Permissions } from "./doors.ts";
import { readExceptions, type Exceptions } from "./exceptions.ts";
import { readRoutines, type Routine } from "./functions.ts";
import type { Actor } from "./actors.ts";
import { callProbes } from "./probes_call.ts";
import type { Tried } from "./proven.ts";
import { readRelations, type Relation } from "./relations.ts";
import { readSource, type Source } from "./source.ts";
import { telltaleOf, type Telltale } from "./telltale.ts";
import { witness, type Witness } from "./witness.ts";

export type Battlefield = Source & {
  relations: readonly Relation[];
  routines: readonly Routine[];
  permissions: Permissions;
  exceptions: Exceptions;
  telltale: Telltale;
  witness: Witness;
  /** Every role of the server that is somebody, and those that each login may become. */
  roles: readonly string[];
  memberships: ReadonlyMap<Actor["login"], readonly string[]>;
  /** What can't be attacked, and so proves nothing. */
  unattackable: readonly Omit<Tried, "role">[];
};

/** What db/bootstrap.sql lets the logins become; and themselves. */
const MEMBERSHIPS = new Map<Actor["login"], readonly string[]>([
  ["server", ["rowhouse_server", "app_user", "app_anonymous", "app_identity"]],
  ["worker", ["rowhouse_worker", "app_worker"]],
]);

/** Reads it all through a connection that sees everything. */
export async function readMap(client: pg.ClientBase, planting: Planting): Promise<Battlefield> {
  const relations = await readRelations(client);
  const routines = await readRoutines(client);
  const { rows } = await client.query<{ name: string }>(
    "select quote_ident(rolname) as name from pg_roles where rolname !~ '^pg_' order by 1",
  );
  return {
    relations,
    routines,
    permissions: await readPermissions(client),
    ...(await readSource()),
    exceptions: await readExceptions(client),
    telltale: telltaleOf(planting.b),
    witness: await witness(client, planting, relations),
    roles: rows.map(({ name }) => name),
    memberships: MEMBERSHIPS,
    unattackable: [
      ...planting.vacuous.map(({ table, reason }) => vacuous(table, "plant", reason)),
      ...routines.flatMap((routine) => {
        const probes = callProbes(planting, routine);
        if (!("missing" in probes)) return [];
        const detail = `attack/catalog/calls.ts has no sample for ${probes.missing}`;
        return [vacuous(routine.signature, "call", detail)];
      }),
    ],
  };
}

function vacuous(object: string, verb: string, detail: string): Omit<Tried, "role"> {
  const verdict = { outcome: "vacuous", detail, breach: false, proved: true } as const;
  return { object, actor: "everyone", verb, verdict };
}
