/** Rows to try to write: of A or of B, as planted or with keys that nobody has. */
import { randomBytes, randomInt, randomUUID } from "node:crypto";

import type { House } from "../fixture/plant.ts";
import { identifier, literal, rowOf } from "./owned.ts";
import type { Relation } from "./relations.ts";

/** Values by column, as SQL. */
export type Values = ReadonlyMap<string, string>;

/** The house's row in SQL; undefined when it has none. */
export function plantedValues(house: House, relation: Relation): Values | undefined {
  const row = rowOf(house, relation.name);
  if (row === undefined) return undefined;
  const writable = relation.columns.filter(({ generated }) => !generated);
  return new Map(writable.map(({ name, type }) => [name, sqlOf(row[name], type)]));
}

/**
 * The house's row with keys that nobody has. What references something stays, and so does a word that
 * may be one of a few, such as a kind, as long as a key has something else.
 */
export function freshValues(house: House, relation: Relation): Values | undefined {
  const values = plantedValues(house, relation);
  if (values === undefined) return undefined;
  const fixed = referencing(relation);
  const fresh = relation.uniques.flatMap(({ columns }) => {
    const open = columns.filter((column) => !fixed.has(column));
    const own = open.filter((column) => isOwn(house, rowOf(house, relation.name)?.[column]));
    return own.length > 0 ? own : open;
  });
  const another = anotherParent(house, relation);
  return new Map([...freshen(house, relation, values, fresh), ...another]);
}

/** Whether a value is this row's or this house's, rather than one of a few words. */
function isOwn({ canary }: House, value: unknown): boolean {
  if (typeof value !== "string") return true;
  return value.includes(canary) || /^(\\x)?[0-9a-f]{8}[0-9a-f-]*$/.test(value);
}

/** Where a key is made of references alone, one of them to another row of the same house. */
function anotherParent(house: House, relation: Relation): [string, string][] {
  const fixed = referencing(relation);
  const isFixed = relation.uniques.some(({ columns }) => columns.every((one) => fixed.has(one)));
  if (!isFixed) return [];
  return relation.foreignKeys.flatMap(({ columns, parent, parentColumns }): [string, string][] => {
    const second = house.rows.get(parent)?.[1];
    const [column] = columns;
    if (second === undefined || column === undefined || columns.length > 1) return [];
    return [[column, literal(second[parentColumns[0] ?? ""])]];
  });
}

/** `values` with made-up ones in `columns`. */
export function freshen(
  house: House,
  relation: Relation,
  values: Values,
  columns: Iterable<string>,
): Values {
  const fresh = new Map(values);
  const row = rowOf(house, relation.name) ?? {};
  for (const column of columns) {
    const type = relation.columns.find(({ name }) => name === column)?.type ?? "text";
    if (fresh.has(column)) fresh.set(column, sqlOf(unlike(row[column], type), type));
  }
  return fresh;
}

/** Columns of a foreign key; tenant_id too, so that a row stays whose it is. */
export function referencing(relation: Relation): Set<string> {
  return new Set(["tenant_id", ...relation.foreignKeys.flatMap(({ columns }) => columns)]);
}

/** An insert of these columns. */
export function insertOf(relation: Relation, columns: Iterable<string>, values: Values): string {
  const given = [...new Set(columns)].filter((column) => values.has(column));
  if (given.length === 0) return `insert into ${relation.name} default values`;
  return `insert into ${relation.name} (${given.map(identifier).join(", ")})
    values (${given.map((column) => values.get(column)).join(", ")})`;
}

function sqlOf(value: unknown, type: string): string {
  if (Array.isArray(value) && type.endsWith("[]")) {
    return literal(`{${value.map((item) => JSON.stringify(item)).join(",")}}`);
  }
  return literal(value);
}

/** A value of the same shape that nobody has. */
function unlike(value: unknown, type: string): unknown {
  if (type === "uuid") return randomUUID();
  if (type.startsWith("timestamp")) return new Date(Date.now() + randomInt(1e9)).toISOString();
  if (/^(integer|bigint|numeric|smallint)/.test(type)) return randomInt(1, 30_000);
  if (typeof value !== "string") return value;
  const random = (length: number) => randomBytes(length).toString("hex").slice(0, length);
  if (value.startsWith("\\x")) return `\\x${random(value.length - 2)}`;
  if (/^[0-9a-f]{32,}$/.test(value)) return random(value.length);
  return `p${random(12)}${/@.*$/.exec(value)?.[0] ?? ""}`;
}
