/** Types where they are written, and what making schemas of them takes. */
import type { ESTree } from "vite";

import { lookUp, nameOf, type Declared, type Scope } from "./declarations.ts";

export type Schema = boolean | { [keyword: string]: unknown };

/** In a form everything is text: a number is digits, null is the empty string. */
export type Encoding = "json" | "form";

/** A type where it is written: its names mean what they mean there. */
export type Written = {
  type: ESTree.TSType;
  scope: Scope;
  /** What the type parameters in reach stand for. */
  bound?: ReadonlyMap<string, Written>;
};

/** Makes schemas; interfaces become definitions, of which `refer` is told. */
export type Maker = {
  encoding: Encoding;
  refer(declared: Declared): Schema;
  schemaOf(written: Written): Schema;
};

/** The members of a union, and of those unions that it names. */
export function membersOf(written: Written): Written[] {
  const { type, scope, bound } = written;
  if (type.type === "TSUnionType") {
    return type.types.flatMap((each) => membersOf({ ...written, type: each }));
  }
  if (type.type !== "TSTypeReference") return [written];
  const name = nameOf(type.typeName);
  const isBound = name.length === 1 ? bound?.get(name[0] ?? "") : undefined;
  if (isBound !== undefined) return membersOf(isBound);
  if (name.at(-1) === "OtherString") return [];
  if (name.at(-1) === "Decimal" || type.typeArguments !== null) return [written];
  const { node, scope: home } = lookUp(scope, name);
  if (node.type === "TSInterfaceDeclaration") return [written];
  return membersOf({ type: node.typeAnnotation, scope: home });
}
