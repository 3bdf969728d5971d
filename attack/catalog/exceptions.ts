/**
 * What reaches across tenants by design: read from the audit's list of exceptions, so that there is
 * one list; an attack that gets through is a breach unless it is on it.
 */
import { readParts } from "../../server/audit_rules.ts";
import type { Queryable } from "../fixture/tables.ts";

/** A command as pg_policy writes it: read, add, write, delete. */
export type Command = "r" | "a" | "w" | "d";

export type Exceptions = {
  /** Why a role may reach the rows of any tenant in this relation; undefined when it may not. */
  rows(relation: string, role: string, command: Command): string | undefined;
  /** Why what a relation holds is for everyone who may read it. */
  shared(relation: string, role: string, command: Command): string | undefined;
  /** Why a unique key may span tenants. */
  key(index: string): string | undefined;
  /** Why a function may reach any tenant's rows when a role of the system calls it. */
  call(signature: string, role: string): string | undefined;
};

type Row = { rule: string; object: string; detail: string; reason: string };

/** A policy that asks nothing of a row, for some roles and one command or all. */
type Crossing = {
  relation: string;
  roles: string[];
  commands: readonly Command[];
  reason: string;
};

const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
  select: ["r"],
  insert: ["a"],
  update: ["w"],
  delete: ["d"],
  all: ["r", "a", "w", "d"],
};

/** The roles that act for people: what a policy shows them all is no exception but a catalog. */
const PEOPLES_ROLES = new Set(["app_user", "app_anonymous"]);

/** Reads the reviewed list. */
export async function readExceptions(client: Queryable): Promise<Exceptions> {
  const { exceptions } = await readParts();
  const { rows } = await client.query<Row>(`
    with exceptions (rule, object, detail, reason) as (${exceptions})
    select * from exceptions`);
  const of = (rule: string) => rows.filter((row) => row.rule === rule);
  const crossings = [
    ...of("policy_canonical").flatMap(crossingOf),
    ...of("sequence_privileges").map(({ object, detail, reason }) => ({
      relation: object,
      roles: [detail],
      commands: ["r", "a", "w", "d"] as const,
      reason,
    })),
  ];
  const schemas = of("unaudited_schema");
  const identity = { pattern: /^auth\./, role: "app_identity", reason: "The identity provider." };
  const reasonFor = (relation: string, role: string, command: Command) =>
    crossings.find(
      (one) =>
        one.relation === relation && one.roles.includes(role) && one.commands.includes(command),
    )?.reason;
  return {
    rows: (relation, role, command) =>
      (PEOPLES_ROLES.has(role) ? undefined : reasonFor(relation, role, command)) ??
      schemas.find((row) => row.detail === role && relation.startsWith(`${row.object}.`))?.reason ??
      (role === identity.role && identity.pattern.test(relation) ? identity.reason : undefined),
    shared: reasonFor,
    key: (index) => of("unique_tenant").find((row) => row.object === index)?.reason,
    call: (signature, role) =>
      of("definer_reviewed").find((row) => row.object === signature)?.reason ??
      crossings.find((one) => one.roles.includes(role))?.reason,
  };
}

/** "select_system on app_public.tenants", "select to app_definer, app_worker: true". */
function crossingOf({ object, detail, reason }: Row): Crossing[] {
  const relation = / on (.*)$/.exec(object)?.[1];
  const [, command = "", roles = ""] = /^(\w+) to (.*): true$/.exec(detail) ?? [];
  const commands = COMMANDS[command];
  if (relation === undefined || commands === undefined) return [];
  return [{ relation, roles: roles.split(", "), commands, reason }];
}
