/** Functions, and calls of them with what A, B or nobody has. */
import { randomBytes, randomUUID } from "node:crypto";

import { newcomerOf } from "../fixture/crowd.ts";
import type { House } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";
import { ARGUMENTS, DOORS, SECRETS } from "./calls.ts";
import { literal, rowOf } from "./owned.ts";

export type Routine = {
  /** Qualified and quoted. */
  name: string;
  /** With its arguments' types, as the audit's lists have it. */
  signature: string;
  arguments: { name: string; type: string; row: string | null; optional: boolean }[];
  /** Whether it may write at all. */
  volatile: boolean;
  /** The permissions that its comment says it needs. */
  permissions: string[];
};

const ROUTINES = `
  select format('%I.%I', nspname, proname) as name, pg_proc.oid::regprocedure::text as signature,
    provolatile = 'v' as volatile,
    array(
      select json_build_object(
        'name', coalesce(proargnames[position], ''), 'type', format_type(type, null),
        'row', (
          select format('%I.%I', there.nspname, relname)
          from pg_class join pg_namespace as there on there.oid = relnamespace
          join pg_type on pg_type.typrelid = pg_class.oid
          where pg_type.oid = type and relkind in ('r', 'p', 'v')
        ),
        'optional', position > pronargs - pronargdefaults
      )
      from unnest(proargtypes::oid[]) with ordinality as arguments (type, position) order by position
    ) as arguments,
    array(
      select matches[1]
      from regexp_matches(
        obj_description(pg_proc.oid, 'pg_proc'), 'Needs\\s+([a-z_]+\\.[a-z_]+)', 'g'
      ) as matches
    ) as permissions
  from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
  where nspname not in ('pg_catalog', 'information_schema', 'graphile_worker', 'graphile_migrate')
  and prokind = 'f' and prorettype <> 'trigger'::regtype
  and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = pg_proc.oid
    and deptype = 'e'
  )
  order by 2`;

/** Every function of ours that can be called. */
export async function readRoutines(client: Queryable): Promise<Routine[]> {
  const { rows } = await client.query<Routine>(ROUTINES);
  return rows.filter(({ name }) => !DOORS.has(name));
}

export type Calls = {
  ours: string;
  theirs: string;
  /** With ids and words that nobody has; undefined when no argument is anybody's. */
  nobodys: string | undefined;
};

/** The calls to try; or the argument that nobody registered. */
export function callsOf(routine: Routine, a: House, b: House): Calls | { missing: string } {
  const given = { ours: [] as string[], theirs: [] as string[], nobodys: [] as string[] };
  let asks = false;
  for (const argument of routine.arguments) {
    const ours = sample(routine.name, argument, a, true);
    if (ours === undefined) {
      if (argument.optional) continue;
      return { missing: `${argument.name} ${argument.type}` };
    }
    const theirs = sample(routine.name, argument, b, false);
    const asked = typeof theirs !== "number" && JSON.stringify(ours) !== JSON.stringify(theirs);
    const secret = SECRETS.has(bare(argument.name));
    asks ||= asked && !secret;
    given.ours.push(passed(argument, ours));
    given.theirs.push(passed(argument, theirs));
    given.nobodys.push(passed(argument, asked && !secret ? unknown(argument, theirs, b) : theirs));
  }
  const call = (list: readonly string[]) =>
    `select called::text from ${routine.name}(${list.join(", ")}) as called`;
  return {
    ours: call(given.ours),
    theirs: call(given.theirs),
    nobodys: asks ? call(given.nobodys) : undefined,
  };
}

type Argument = Routine["arguments"][number];

/** What the house would pass, or what of it another would; undefined when nothing says it. */
function sample(
  routine: string,
  { name, type, row }: Argument,
  house: House,
  own: boolean,
): unknown {
  const word = bare(name);
  const planted = row === null ? undefined : rowOf(house, row);
  if (planted !== undefined) return planted;
  if (word === "tenant_id") return house.tenantId;
  if (word === "user_id") return house.people.member.id;
  // One asks for people whom one doesn't have yet, and for those whom the other has.
  if (word === "email") return own ? newcomerOf(house.canary) : house.people.member.email;
  const registered = ARGUMENTS[`${routine}.${word}`] ?? ARGUMENTS[word];
  if (typeof registered === "function") return Reflect.apply(registered, undefined, [house, own]);
  if (registered !== undefined) return registered;
  return type === "boolean" ? false : idNamed(word, type, house);
}

/** `project_id` is the id of the row in a table called projects, or in one that ends so. */
function idNamed(word: string, type: string, house: House): unknown {
  const thing = /^(.*)_?id$/.exec(word)?.[1]?.replace(/_$/, "");
  if (thing === undefined) return undefined;
  // Of a plain "id", and of a uuid's name that is no table's, whatever the house has will do.
  const tables = [...house.rows.keys()];
  const table =
    thing === "" ? undefined : tables.find((name) => new RegExp(`[._]${thing}s$`).test(name));
  if (table !== undefined) return rowOf(house, table)?.["id"];
  return type === "uuid"
    ? house.rows.get("app_public.projects")?.[0]?.["id"]
    : `${house.canary}-id`;
}

function bare(name: string): string {
  return name.replace(/^p_/, "");
}

function passed({ name, type, row }: Argument, value: unknown): string {
  const isList = Array.isArray(value) && type.endsWith("[]");
  // A table is written by its name.
  const read = type === "oid" ? "regclass" : type;
  const typed =
    row === null
      ? `${literal(isList ? arrayOf(value) : value)}::${read}`
      : `jsonb_populate_record(null::${row}, ${literal(value)}::jsonb)`;
  return name === "" ? typed : `"${name}" => ${typed}`;
}

/** The text form of an array. */
function arrayOf(values: readonly unknown[]): string {
  return `{${values.map((value) => JSON.stringify(value)).join(",")}}`;
}

/** Something of that type that is in no table. */
function unknown({ type, row }: Argument, value: unknown, house: House): unknown {
  if (type === "uuid") return randomUUID();
  if (typeof value !== "object") return unknownWord(value);
  return unknownWithin(value, (word) =>
    isId(word)
      ? randomUUID()
      : row === null && word.includes(house.canary)
        ? unknownWord(word)
        : word,
  );
}

/** A list or an object with other words in the same places. */
function unknownWithin(value: unknown, replace: (word: string) => string): unknown {
  if (typeof value === "string") return replace(value);
  if (Array.isArray(value)) return value.map((part) => unknownWithin(part, replace));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, unknownWithin(part, replace)]),
  );
}

function unknownWord(word: unknown): string {
  const email = typeof word === "string" && word.includes("@") ? "@example.com" : "";
  return `p${randomBytes(8).toString("hex")}${email}`;
}

function isId(value: string): boolean {
  return /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(value);
}
