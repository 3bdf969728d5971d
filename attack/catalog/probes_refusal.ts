/**
 * Whoever has no tenant to read is refused, and must be whatever rows there are. Where a plan looks
 * for what was asked before it asks whose tenant it is, the refusal comes only if somebody has such a
 * row. So what B has is asked for like what nobody has, by each column that may be read, in shapes
 * that are planned differently.
 */
import { randomBytes, randomUUID } from "node:crypto";

import type { Planting } from "../fixture/plant.ts";
import type { Command } from "./exceptions.ts";
import { identifier, literal, PEOPLE, rowOf } from "./owned.ts";
import type { Compare } from "./probe.ts";
import type { Relation, Rights } from "./relations.ts";
import { sceneOf } from "./scene.ts";

/** A column that may be read, with a value of B's and one that nobody has, as SQL. */
type Asked = { column: string; type: string; taken: string; free: string };

/** A statement for a value of a column; undefined where there is none for the relation. */
type Shape = { verb: string; command: Command; sql: (value: string) => string };

/** Every question to a relation whose answer would tell that B has a row. */
export function refusalProbes(planting: Planting, relation: Relation, rights: Rights): Compare[] {
  const scene = sceneOf(planting, relation, rights);
  if (scene === undefined) return [];
  // Their own rows are theirs to see: they are left out of the question.
  const others = [
    `(${scene.ours}) is not true`,
    ...(PEOPLE.has(relation.name) ? [`id <> ${literal(planting.stranger.id)}`] : []),
  ].join(" and ");
  const row = rowOf(planting.b, relation.name) ?? {};
  const columns = relation.columns
    .filter(({ name }) => rights.select.includes(name))
    .flatMap(({ name, type }): Asked[] => {
      const free = nobodys(type);
      if (free === undefined || row[name] == null) return [];
      return [{ column: identifier(name), type, taken: literal(row[name]), free: literal(free) }];
    });
  const told = columns.find(({ type }) => type === "text") ?? columns[0];
  return columns.flatMap((asked) => [
    ...shapesOf(relation, rights, asked, others).map((shape) => compare(shape, asked)),
    ...(told === undefined
      ? []
      : [compare(orderedBy(relation, told.column, asked.column, others), told)]),
  ]);
}

function compare({ verb, command, sql }: Shape, { taken, free }: Asked): Compare {
  return { kind: "compare", command, verb, taken: sql(taken), free: sql(free) };
}

function shapesOf(
  { name, kind }: Relation,
  rights: Rights,
  { column, type }: Asked,
  others: string,
): Shape[] {
  const found = (value: string) => `${column} = ${value} and ${others}`;
  const shape = (verb: string, command: Command, sql: Shape["sql"]): Shape => ({
    verb: `${verb} what B has or nobody: ${column}`,
    command,
    sql,
  });
  const [set] = rights.update.map(identifier);
  return [
    shape("find", "r", (value) => `select 1 from ${name} where ${found(value)}`),
    shape(
      "find in a range",
      "r",
      (value) => `select 1 from ${name}
        where ${column} between ${value} and ${value} and ${others} order by ${column} limit 1`,
    ),
    shape(
      "join",
      "r",
      (value) => `select 1 from (values (${value}::${type})) as given (given_value)
        join ${name} on ${column} = given_value where ${others}`,
    ),
    ...(kind === "table"
      ? [
          shape(
            "find by where it lies",
            "r",
            (value) => `select 1 from ${name} where ctid < '(4294967294,1)' and ${found(value)}`,
          ),
        ]
      : []),
    ...(set === undefined
      ? []
      : [
          shape(
            "update",
            "w",
            (value) => `update ${name} set ${set} = ${set} where ${found(value)}`,
          ),
        ]),
    ...(rights.delete.length === 0
      ? []
      : [shape("delete", "d", (value) => `delete from ${name} where ${found(value)}`)]),
  ];
}

/** In the order of another column, which an index without the tenant may give. */
function orderedBy({ name }: Relation, told: string, column: string, others: string): Shape {
  return {
    verb: `find what B has or nobody in order of ${column}`,
    command: "r",
    sql: (value) =>
      `select 1 from ${name} where ${told} = ${value} and ${others} order by ${column} limit 1`,
  };
}

/** A value that nobody has; undefined for types that have none, or that can't be compared. */
function nobodys(type: string): unknown {
  if (type === "uuid") return randomUUID();
  if (/^(text|character)/.test(type)) return `zzz${randomBytes(8).toString("hex")}`;
  if (type === "smallint") return -32_000;
  if (/^(integer|bigint|numeric)/.test(type)) return -2_000_000_000;
  if (/^(date|timestamp)/.test(type)) return "1000-01-01";
  return undefined;
}
