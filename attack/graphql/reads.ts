/** Everything that can be asked: lists, rows by their ids, global ids, relations, orders, pages. */
import { getNamedType, isEnumType, type GraphQLArgument } from "graphql";

import type { House } from "../fixture/plant.ts";
import { needsNothing, rowTypeOf, type Api, type Field } from "./api.ts";
import { filterProbes } from "./filters.ts";
import type { Argument, Probe } from "./probe.ts";
import { briefSelection, connectionSelection, selectionOf } from "./selection.ts";
import { nodeId, rowOf, valueFor } from "./values.ts";

/** How deep relations are followed, from a row outwards. */
const DEPTH = 2;

/** Every query of the API, in every way worth trying. */
export function readProbes(api: Api, cursors: ReadonlyMap<string, string>): Probe[] {
  const operators = new Set<string>();
  return api.queries.flatMap((field) => {
    if (field.name === "node") return nodeProbes(api);
    // The root under another name: asked again, it would be no other door.
    if (field.name === "query" || field.name === "id") return [];
    if (rowTypeOf(field) !== undefined) return listProbes(api, field, cursors, operators);
    return [single(api, field)];
  });
}

function base(field: Field): Pick<Probe, "operation" | "object" | "field" | "subject"> {
  const subject = (rowTypeOf(field) ?? getNamedType(field.type)).name;
  return { operation: "query", object: `Query.${field.name}`, field: field.name, subject };
}

/** A field without a list: a row by its key, the current tenant, a question with a plain answer. */
function single(api: Api, field: Field): Probe {
  const subject = getNamedType(field.type).name;
  const table = api.tableOf(subject);
  return {
    ...base(field),
    verb: needsNothing(field) && field.args.length === 0 ? "ask" : "ask by its key",
    args: field.args.map((arg) => argument(api, arg, subject)),
    selection: selectionOf(field.type, DEPTH),
    isControlled: table !== undefined || needsNothing(field),
    isShared: table === undefined && field.args.length > 0,
    by: "everybody",
  };
}

/** An argument with the house's own value for it. */
export function argument(api: Api, arg: GraphQLArgument, subject: string | undefined): Argument {
  const place = { name: arg.name, type: arg.type, subject };
  return { name: arg.name, type: String(arg.type), value: (house) => valueFor(api, house, place) };
}

/** `node(id)` for each type that has rows of a tenant's. */
function nodeProbes(api: Api): Probe[] {
  return api.queries.flatMap((field) => {
    const row = rowTypeOf(field);
    if (row === undefined || api.tableOf(row.name) === undefined) return [];
    const value = (house: House) => nodeId(api, row.name, rowOf(api, house, row.name));
    return {
      operation: "query",
      object: "Query.node",
      verb: `by the global id of a ${row.name}`,
      field: "node",
      subject: row.name,
      args: [{ name: "id", type: "ID!", value }],
      selection: `{ id __typename ... on ${row.name} ${selectionOf(row, 1)} }`,
      isControlled: true,
      isShared: false,
      by: "everybody",
    };
  });
}

function listProbes(
  api: Api,
  field: Field,
  cursors: ReadonlyMap<string, string>,
  operators: Set<string>,
): Probe[] {
  const row = rowTypeOf(field);
  const table = row && api.tableOf(row.name);
  const list: Probe = {
    ...base(field),
    verb: "list",
    args: [],
    selection: connectionSelection(field, DEPTH),
    isControlled: true,
    isShared: table === undefined && row !== undefined && isPlain(api, field),
    by: "everybody",
    ...(table === undefined ? {} : { counted: table.name }),
  };
  if (row === undefined || list.isShared) return [list];
  const one = { ...list, selection: briefSelection(row), isControlled: false };
  delete one.counted;
  return [
    list,
    ...orders(field, one),
    ...pages(field, one, cursors),
    ...filterProbes(api, field, one, operators),
  ];
}

/** A list of rows that no table of a tenant's holds, such as the plans; a function's may be one. */
function isPlain(api: Api, field: Field): boolean {
  const row = rowTypeOf(field);
  return (
    row?.getInterfaces().some(({ name }) => name === "Node") === true && !api.tableOf(row.name)
  );
}

function orders(field: Field, list: Probe): Probe[] {
  const orderBy = field.args.find(({ name }) => name === "orderBy");
  const type = orderBy && getNamedType(orderBy.type);
  if (!isEnumType(type)) return [];
  return type.getValues().map(({ name }, n) => ({
    ...list,
    verb: `order by ${name}`,
    args: [{ name: "orderBy", type: `[${type.name}!]`, value: () => [name] }],
    by: n === 0 ? "owner" : "owner at leisure",
  }));
}

/** Pages that begin or end at a row of the house's. */
function pages(field: Field, list: Probe, cursors: ReadonlyMap<string, string>): Probe[] {
  return ["after", "before"].flatMap((name) => {
    if (!field.args.some((arg) => arg.name === name) || !cursors.has(field.name)) return [];
    const value = () => cursors.get(field.name);
    return { ...list, verb: `page ${name} a row`, args: [{ name, type: "Cursor", value }] };
  });
}
