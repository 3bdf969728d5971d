/** Inputs that no mutation may take, made from the printed API so that a new mutation has them too. */
import {
  buildSchema,
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
} from "graphql";

import { repositoryFile } from "./contract.ts";

/** One mutation with the type of its input. */
export type MutationField = { name: string; input: GraphQLInputObjectType };

/** An input, and what is wrong with it. */
export type BadInput = { what: string; input: unknown };

type Base = (field: string, type: string) => unknown;

const TOO_LONG = "x".repeat(10_000);
const NUL = "before\u0000after";

/** Values that no field of the type takes, whatever it is for. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  String: [1, true, {}, ["x"], NUL, TOO_LONG],
  Int: [1.5, "1", 2 ** 31, -(2 ** 31) - 1, 1e300, {}, [1, 2]],
  Float: ["1", {}, [1, 2]],
  Boolean: ["yes", 1, {}, []],
  UUID: ["", "x", "018f0000-0000-7000-8000-00000000000g", 1, {}, [], NUL, TOO_LONG],
  Date: ["tomorrow", "2026-13-45", "", {}, NUL],
  Datetime: ["tomorrow", "2026-13-45T99:99:99Z", "", {}, NUL],
  // Not base64, not JSON, of no type, of too few keys, of keys that are no uuids.
  ID: [
    "",
    "garbage",
    "e30=",
    nodeId("Project"),
    nodeId("Nothing", "1"),
    nodeId("Project", "1", "2"),
    nodeId("Project", NUL, {}),
    { id: 1 },
    TOO_LONG,
  ],
};

/** The global id of these parts, as the API encodes them. */
export function nodeId(...parts: unknown[]): string {
  return btoa(JSON.stringify(parts));
}

/** Every mutation of server/schema.graphql. */
export async function allMutations(): Promise<MutationField[]> {
  const schema = buildSchema(await repositoryFile("server/schema.graphql"));
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  return fields.map(({ name, args }) => {
    const [argument] = args;
    const input = argument && getNamedType(argument.type);
    if (!isInputObjectType(input)) throw new Error(`${name} takes no input object`);
    return { name, input };
  });
}

/** Inputs that must be refused: each is the base with one field of the wrong kind, or missing. */
export function badInputs(type: GraphQLInputObjectType, base: Base): BadInput[] {
  const whole = [null, 1, "input", [], { notAField: 1 }].map((input) => ({
    what: `${type.name} = ${JSON.stringify(input)}`,
    input,
  }));
  return [...whole, ...fieldsGoneBad(type, base)];
}

/** Inputs that may be taken or refused, but must do neither badly: each field null or left out. */
export function lackingInputs(type: GraphQLInputObjectType, base: Base): BadInput[] {
  return Object.values(type.getFields()).flatMap((field) => {
    const rest = baseOf(type, base);
    const { [field.name]: _gone, ...without } = rest;
    const named = getNamedType(field.type);
    const inner = isInputObjectType(named) ? lackingInputs(named, base) : [];
    return [
      { what: `${field.name} left out`, input: without },
      { what: `${field.name} null`, input: { ...rest, [field.name]: null } },
      ...inner.map(({ what, input }) => ({
        what: `${field.name}: ${what}`,
        input: { ...rest, [field.name]: input },
      })),
    ];
  });
}

function fieldsGoneBad(type: GraphQLInputObjectType, base: Base): BadInput[] {
  return Object.values(type.getFields()).flatMap((field) =>
    valuesGoneBad(field, base).map(({ what, input }) => ({
      what: `${field.name}: ${what}`,
      input: { ...baseOf(type, base), [field.name]: input },
    })),
  );
}

function valuesGoneBad(field: GraphQLInputField, base: Base): BadInput[] {
  const named = getNamedType(field.type);
  const missing = isNonNullType(field.type) ? [{ what: "missing", input: undefined }] : [];
  if (isInputObjectType(named)) return [...missing, ...badInputs(named, base)];
  // It goes nowhere but back: only its type is checked.
  const wrong =
    field.name === "clientMutationId" ? [1, {}] : (WRONG[named.name] ?? [{ unexpected: true }]);
  return [
    ...missing,
    ...wrong.map((input) => ({ what: JSON.stringify(input).slice(0, 60), input })),
  ];
}

function baseOf(type: GraphQLInputObjectType, base: Base): Record<string, unknown> {
  const given = Object.values(type.getFields()).map(({ name, type: fieldType }) => [
    name,
    baseValue(name, fieldType, base),
  ]);
  return Object.fromEntries(given) as Record<string, unknown>;
}

function baseValue(name: string, type: GraphQLInputType, base: Base): unknown {
  const named = getNamedType(type);
  if (isInputObjectType(named)) return baseOf(named, base);
  const value = base(name, named.name);
  return isListType(type) ? [value] : value;
}
