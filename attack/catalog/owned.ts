/** Which rows of a relation are a house's. */
import pg from "pg";

import type { House, Row } from "../fixture/plant.ts";
import type { Relation } from "./relations.ts";

/** The tables of people: whoever is in a row, it is no tenant's. */
export const PEOPLE: ReadonlySet<string> = new Set(["app_public.users", "auth.users"]);

/** The condition that holds for the house's rows; undefined when nothing tells whose they are. */
export function ownedBy(house: House, relation: Relation): string | undefined {
  const people = Object.values(house.people).map(({ id }) => pg.escapeLiteral(id));
  if (relation.kind === "sequence") return undefined;
  if (relation.columns.some(({ name }) => name === "tenant_id")) {
    return `tenant_id = ${pg.escapeLiteral(house.tenantId)}`;
  }
  if (relation.name === "app_public.tenants") return `id = ${pg.escapeLiteral(house.tenantId)}`;
  if (PEOPLE.has(relation.name)) return `id in (${people.join(", ")})`;
  const toPeople = relation.foreignKeys.find(({ parent }) => PEOPLE.has(parent));
  if (toPeople?.columns.length === 1) {
    return `${identifier(toPeople.columns[0])} in (${people.join(", ")})`;
  }
  return keyOf(house, relation);
}

/** The condition that finds the house's first row by its primary key. */
export function keyOf(house: House, relation: Relation): string | undefined {
  const row = rowOf(house, relation.name);
  if (row === undefined || relation.primaryKey.length === 0) return undefined;
  return relation.primaryKey
    .map((column) => `${identifier(column)} = ${literal(row[column])}`)
    .join(" and ");
}

/** The column that says whose a row is: what an attacker would overwrite to move it. */
export function ownerColumn(relation: Relation): string | undefined {
  const names = new Set(relation.columns.map(({ name }) => name));
  return ["tenant_id", "user_id", "id"].find((name) => names.has(name));
}

/** The row of the house to attack. */
export function rowOf(house: House, relation: string): Row | undefined {
  return house.rows.get(relation)?.[0];
}

/** A value as SQL text. */
export function literal(value: unknown): string {
  if (value == null) return "null";
  return pg.escapeLiteral(typeof value === "string" ? value : JSON.stringify(value));
}

/** A name as SQL text. */
export function identifier(name: string | undefined): string {
  if (name === undefined) throw new Error("No name to quote");
  return pg.escapeIdentifier(name);
}
