/** Schemas of unions, written so that a value that fits none says which one it should have fitted. */
import type { ESTree } from "vite";

import { lookUp, nameOf, type Declared } from "./declarations.ts";
import { fieldsOf } from "./fields.ts";
import { membersOf, type Maker, type Schema, type Written } from "./written.ts";

type Interface = { declared: Declared; written: Written };

/**
 * Known words, scalars and objects. `OtherString` stands for words that Stripe may add; we hold the
 * emulator and ourselves to those that the SDK knows.
 */
export function unionOf(maker: Maker, written: Written, types: ESTree.TSType[]): Schema {
  const members = types.flatMap((type) => membersOf({ ...written, type }));
  const objects = members.flatMap((member) => interfaceOf(member) ?? []);
  const others = members.filter((member) => interfaceOf(member) === undefined);
  const other = anyOf(others.map((member) => maker.schemaOf(member)));
  if (objects.length === 0) return other;
  const object = objectsOf(maker, objects);
  // An array or a map beside an interface leaves nothing to tell them apart by.
  if (others.some(({ type }) => type.type === "TSTypeLiteral")) return anyOf([other, object]);
  return others.length === 0 ? object : when({ type: "object" }, object, other);
}

function interfaceOf(written: Written): Interface | undefined {
  const { type, scope } = written;
  if (type.type !== "TSTypeReference" || type.typeArguments !== null) return undefined;
  const name = nameOf(type.typeName);
  if (name.at(-1) === "Decimal") return undefined;
  const declared = lookUp(scope, name);
  return declared.node.type === "TSInterfaceDeclaration" ? { declared, written } : undefined;
}

function when(condition: Schema, schema: Schema, otherwise: Schema): Schema {
  // oxlint-disable-next-line no-thenable -- JSON Schema's word, in an object that nobody awaits.
  return { if: condition, then: schema, else: otherwise };
}

/** Words go into one list, and so do types: a misfit is then one error and not several. */
function anyOf(schemas: Schema[]): Schema {
  const [only] = schemas;
  if (only !== undefined && schemas.length === 1) return only;
  const types = schemas.flatMap((schema) => typeOf(schema) ?? []);
  if (types.length === schemas.length) return { type: [...new Set(types)] };
  const words = schemas.flatMap((schema) => wordsOf(schema) ?? []);
  const rest = schemas.filter((schema) => wordsOf(schema) === undefined);
  if (rest.length === 0) return { enum: [...new Set(words)] };
  return { anyOf: words.length === 0 ? rest : [...rest, { enum: [...new Set(words)] }] };
}

function wordsOf(schema: Schema): unknown[] | undefined {
  if (typeof schema === "boolean") return undefined;
  if ("const" in schema) return [schema["const"]];
  return Array.isArray(schema["enum"]) ? schema["enum"] : undefined;
}

/** The name of the type, if the schema says no more than that. */
function typeOf(schema: Schema): unknown {
  if (typeof schema === "boolean") return undefined;
  if (schema["const"] === null) return "null";
  return Object.keys(schema).join() === "type" ? schema["type"] : undefined;
}

/** Objects are told apart by a field that holds another word in each, then by `deleted`. */
function objectsOf(maker: Maker, objects: Interface[]): Schema {
  const refer = (each: Interface) => maker.schemaOf(each.written);
  const [only, second, third] = objects;
  if (only !== undefined && second === undefined) return refer(only);
  for (const field of ["object", "type"]) {
    const words = objects.map((each) => wordIn(each.declared, field));
    const groups = Map.groupBy(objects, (each) => wordIn(each.declared, field));
    if (groups.size < 2 || words.includes(undefined)) continue;
    const cases = [...groups].map(
      ([word, group]) => [word ?? "", objectsOf(maker, group)] as const,
    );
    return {
      type: "object",
      required: [field],
      properties: { [field]: { enum: [...groups.keys()] } },
      // As in OpenAPI, but with schemas in the mapping.
      discriminator: { propertyName: field, mapping: Object.fromEntries(cases) },
    };
  }
  const gone = objects.find((each) => fieldsOf(each.declared).get("deleted")?.isRequired === true);
  const there = objects.find((each) => each !== gone);
  if (gone !== undefined && there !== undefined && third === undefined) {
    return when({ required: ["deleted"] }, refer(gone), refer(there));
  }
  return anyOf(objects.map(refer));
}

/** The one word that a field may hold. */
function wordIn(declared: Declared, field: string): string | undefined {
  const type = fieldsOf(declared).get(field)?.type;
  const literal = type?.type === "TSLiteralType" ? type.literal : undefined;
  return literal?.type === "Literal" ? String(literal.value) : undefined;
}
