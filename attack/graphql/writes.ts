/** Every mutation: with the other tenant's values throughout, and with each single id of theirs. */
import {
  getNamedType,
  isInputObjectType,
  isObjectType,
  type GraphQLInputObjectType,
} from "graphql";

import type { House } from "../fixture/plant.ts";
import { isList, subjectOf, type Api, type Field } from "./api.ts";
import { recordOf } from "./http.ts";
import type { Probe } from "./probe.ts";
import { selectionOf } from "./selection.ts";
import { isIdShaped, valueFor } from "./values.ts";

type Path = readonly string[];

/** Each mutation with everything of one house, the positive control among them, and the mixtures. */
export function writeProbes(api: Api): Probe[] {
  return api.mutations.flatMap((field) => {
    const [input] = field.args;
    const type = input && getNamedType(input.type);
    if (input === undefined || !isInputObjectType(type)) return [whole(api, field, undefined)];
    const paths = idPaths(type);
    const mixed = paths.length > 1 || !isIdsAlone(type) ? paths : [];
    return [whole(api, field, type), ...mixed.map((path) => mixture(api, field, type, path))];
  });
}

/** The object type that a mutation is about: the row that its payload shows. */
export function subjectOfMutation(api: Api, field: Field): string | undefined {
  const payload = getNamedType(field.type);
  if (!isObjectType(payload)) return undefined;
  return Object.values(payload.getFields())
    .map(({ type }) => getNamedType(type).name)
    .find((name) => api.tableOf(name) !== undefined);
}

function whole(api: Api, field: Field, type: GraphQLInputObjectType | undefined): Probe {
  const subject = subjectOfMutation(api, field);
  const about = type && namesRow(api, type) ? subject : undefined;
  return {
    operation: "mutation",
    object: `Mutation.${field.name}`,
    verb: "with all their values",
    field: field.name,
    subject,
    args: field.args.map((arg) => ({
      name: arg.name,
      type: String(arg.type),
      value: (house) =>
        valueFor(api, house, {
          name: arg.name,
          type: arg.type,
          subject: about,
        }) ?? {},
    })),
    selection: selectionOf(field.type, 1),
    isControlled: true,
    isShared: false,
    by: "everybody",
  };
}

/** Everything of one's own but for one id, which is the other tenant's. */
function mixture(api: Api, field: Field, type: GraphQLInputObjectType, path: Path): Probe {
  const all = whole(api, field, type);
  return {
    ...all,
    verb: `with their ${path.join(".")} alone`,
    args: all.args.map((arg) => ({
      ...arg,
      value: (house: House) => grafted(arg.value(api.home), arg.value(house), path),
    })),
    isControlled: false,
  };
}

/** `own` with what `theirs` has at a path; undefined when it has nothing there. */
function grafted(own: unknown, theirs: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return theirs;
  const value = grafted(recordOf(own)[key], recordOf(theirs)[key], rest);
  return value === undefined ? undefined : { ...recordOf(own), [key]: value };
}

/** Where in an input the ids are. */
function idPaths(type: GraphQLInputObjectType, above: Path = []): Path[] {
  return Object.values(type.getFields()).flatMap((field): Path[] => {
    if (field.name === "clientMutationId") return [];
    const path = [...above, field.name];
    const named = getNamedType(field.type);
    if (isInputObjectType(named)) return isList(field.type) ? [] : idPaths(named, path);
    return isIdShaped(field) ? [path] : [];
  });
}

/** Whether an input is that of a table's own mutation; a function's arguments are just its own. */
function namesRow(api: Api, type: GraphQLInputObjectType): boolean {
  return Object.values(type.getFields()).some(
    ({ name, type: inner }) =>
      ["id", "rowId", "tenantId"].includes(name) || subjectOf(api, getNamedType(inner)),
  );
}

function isIdsAlone(type: GraphQLInputObjectType): boolean {
  return Object.values(type.getFields()).every(
    (field) => field.name === "clientMutationId" || isIdShaped(field),
  );
}
