/** JSON Schema of a declared type, as the API writes it (JSON) or as it reads it (a form). */
import type { ESTree } from "vite";

import { lookUp, moduleScope, nameOf, type Declared, type Scope } from "./declarations.ts";
import { fieldsOf } from "./fields.ts";
import { unionOf } from "./schema_of_union.ts";
import { membersOf, type Maker, type Schema, type Written } from "./written.ts";

const NUMBER = { type: "string", pattern: "^-?\\d+(\\.\\d+)?$" };
const DECIMAL = { type: "string", pattern: "^-?\\d+(\\.\\d+)?$" };
/** What the SDK returns, in terms of what is in the answer's body. */
const BODIES: Record<string, string> = {
  ApiListPromise: "ApiList",
  ApiSearchResultPromise: "ApiSearchResult",
  V2ListPromise: "V2List",
};

/** The schema of a type where it is written. */
export function schemaOf(maker: Maker, written: Written): Schema {
  const { type } = written;
  const isForm = maker.encoding === "form";
  switch (type.type) {
    case "TSStringKeyword":
      return { type: "string" };
    case "TSNumberKeyword":
      return isForm ? NUMBER : { type: "number" };
    case "TSBigIntKeyword":
      return { type: "string", pattern: "^-?\\d+$" };
    case "TSBooleanKeyword":
      return isForm ? { enum: ["true", "false"] } : { type: "boolean" };
    case "TSNullKeyword":
      return { const: isForm ? "" : null };
    case "TSVoidKeyword":
      return false;
    case "TSUnknownKeyword":
      return true;
    case "TSLiteralType":
      return { const: literalOf(type, isForm) };
    case "TSUnionType":
      return unionOf(maker, written, type.types);
    case "TSTypeLiteral":
      return objectOf(maker, written, type.members);
    case "TSTypeReference":
      return referenceOf(maker, written, type);
    default:
      throw new Error(`No schema is known for a ${type.type}`);
  }
}

/** The schema of an interface's object: what is not declared is not allowed. */
export function definitionOf(maker: Maker, declared: Declared, bound?: Written["bound"]): Schema {
  const fields = [...fieldsOf(declared, bound)].map(
    ([name, field]) => [name, field.isRequired, schemaOf(maker, field)] as const,
  );
  const index = indexOf(declared.node);
  return {
    type: "object",
    properties: Object.fromEntries(fields.map(([name, , schema]) => [name, schema])),
    required: fields.filter(([, isRequired]) => isRequired).map(([name]) => name),
    additionalProperties:
      index !== undefined && schemaOf(maker, { type: index, scope: declared.scope }),
  };
}

/** What a literal is on the wire. */
function literalOf({ literal }: ESTree.TSLiteralType, isForm: boolean): unknown {
  if (literal.type !== "Literal") throw new Error(`No schema is known for a ${literal.type}`);
  return isForm ? String(literal.value) : literal.value;
}

function referenceOf(maker: Maker, written: Written, type: ESTree.TSTypeReference): Schema {
  const { scope, bound } = written;
  const path = nameOf(type.typeName);
  const [argument] = (type.typeArguments?.params ?? []).map((each): Written => ({
    type: each,
    scope,
    ...(bound === undefined ? {} : { bound }),
  }));
  const [name = ""] = path.slice(-1);
  if (argument !== undefined) return genericOf(maker, scope, name, argument);
  const isBound = bound?.get(name);
  if (isBound !== undefined) return schemaOf(maker, isBound);
  if (name === "Decimal") return DECIMAL;
  const declared = lookUp(scope, path);
  if (declared.node.type === "TSInterfaceDeclaration") return maker.refer(declared);
  return schemaOf(maker, { type: declared.node.typeAnnotation, scope: declared.scope });
}

function genericOf(maker: Maker, scope: Scope, name: string, argument: Written): Schema {
  if (name === "Promise" || name === "Response") return schemaOf(maker, argument);
  if (name === "Array") return { type: "array", items: schemaOf(maker, argument) };
  if (name === "Partial") return partOf(argument);
  const body = BODIES[name];
  const declared = body === undefined ? lookUp(scope, [name]) : lookUp(moduleScope("lib"), [body]);
  const { node } = declared;
  const [parameter] = node.typeParameters?.params ?? [];
  const bound = new Map([[parameter?.name.name ?? "", argument]]);
  if (node.type === "TSInterfaceDeclaration") return definitionOf(maker, declared, bound);
  return schemaOf(maker, { type: node.typeAnnotation, scope: declared.scope, bound });
}

/**
 * `Partial<T>` is used for an event's previous attributes, of which only the names can be held to
 * T: where a hash changed, it has only what is different in it, and null for what was not there.
 */
function partOf(whole: Written): Schema {
  const names = membersOf(whole).flatMap(({ type, scope }) => {
    if (type.type !== "TSTypeReference") throw new Error(`A part of a ${type.type} is not known`);
    return [...fieldsOf(lookUp(scope, nameOf(type.typeName))).keys()];
  });
  return { type: "object", propertyNames: { enum: [...new Set(names)] } };
}

function objectOf(maker: Maker, written: Written, members: ESTree.TSSignature[]): Schema {
  const [index] = members;
  if (members.length !== 1 || index?.type !== "TSIndexSignature") {
    throw new Error("No schema is known for an object type that is not a map");
  }
  const type = index.typeAnnotation.typeAnnotation;
  return { type: "object", additionalProperties: schemaOf(maker, { ...written, type }) };
}

function indexOf(node: Declared["node"]): ESTree.TSType | undefined {
  if (node.type !== "TSInterfaceDeclaration") return undefined;
  const index = node.body.body.find((each) => each.type === "TSIndexSignature");
  return index?.typeAnnotation.typeAnnotation;
}
