/** What to ask for: everything that a type shows, and what its relations lead to. */
import {
  getNamedType,
  isLeafType,
  isObjectType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from "graphql";

import { needsNothing, rowTypeOf, type Field } from "./api.ts";

/** How many rows of a relation are looked at. */
const FIRST = 5;

/** What tells whose a row is. */
const IDS: ReadonlySet<string> = new Set(["rowId", "tenantId", "userId"]);

/** Of a connection, what is asked by name. */
const KNOWN_PARTS: ReadonlySet<string> = new Set(["nodes", "edges", "pageInfo", "totalCount"]);

/** The selection for a field of this type, braces included; empty for a leaf. */
export function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isObjectType(named)) return `{ ${fieldsOf(named, depth)} }`;
  return isLeafType(named) ? "" : "{ __typename }";
}

/** A connection by every way that leads to its rows: nodes, edges, cursors, counts, aggregates. */
export function connectionSelection(field: Field, depth: number): string {
  const type = getNamedType(field.type);
  const row = rowTypeOf(field);
  if (row === undefined || !isObjectType(type)) throw new Error(`${field.name} is no connection`);
  const more = Object.values(type.getFields())
    .filter((part) => !KNOWN_PARTS.has(part.name) && needsNothing(part))
    .map((part) => `${part.name} ${selectionOf(part.type, 2)}`);
  return `{ totalCount pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
    edges { cursor node { ${fieldsOf(row, 0)} } }
    nodes { ${fieldsOf(row, depth)} } ${more.join(" ")} }`;
}

/** As little of a connection as tells whose its rows are: each field costs the server's planner. */
export function briefSelection(row: GraphQLObjectType): string {
  const ids = Object.keys(row.getFields()).filter((name) => IDS.has(name));
  return `{ totalCount nodes { ${ids.length > 0 ? ids.join(" ") : fieldsOf(row, 0)} } }`;
}

function fieldsOf(type: GraphQLObjectType, depth: number): string {
  const selected = Object.values(type.getFields()).flatMap((field) => {
    const named = getNamedType(field.type);
    // From a payload back to the root, where every attack begins anyway.
    if (!needsNothing(field) || named.name === "Query") return [];
    if (isLeafType(named)) return [field.name];
    if (!isObjectType(named) || depth === 0) return [];
    const row = rowTypeOf(field);
    const inside = fieldsOf(row ?? named, depth - 1);
    return row === undefined
      ? [`${field.name} { ${inside} }`]
      : [`${field.name}(first: ${FIRST}) { totalCount nodes { ${inside} } }`];
  });
  return selected.length === 0 ? "__typename" : selected.join(" ");
}
