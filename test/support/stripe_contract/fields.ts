/** The fields of an interface, those it inherits included. */
import type { ESTree } from "vite";

import { lookUp, nameOf, type Declared } from "./declarations.ts";
import type { Written } from "./written.ts";

export type Field = Written & { isRequired: boolean };

/** By name. Methods are the SDK's and not on the wire. */
export function fieldsOf(declared: Declared, bound?: Written["bound"]): Map<string, Field> {
  const { node, scope } = declared;
  if (node.type !== "TSInterfaceDeclaration") {
    throw new Error(`${declared.key} is no interface`);
  }
  const fields = new Map<string, Field>();
  for (const base of node.extends) {
    const inherited = fieldsOf(lookUp(scope, nameOf(base.expression)));
    for (const [name, field] of inherited) fields.set(name, field);
  }
  for (const member of node.body.body) {
    if (member.type !== "TSPropertySignature" || member.typeAnnotation === null) continue;
    const type = member.typeAnnotation.typeAnnotation;
    const field = { type, scope, ...(bound === undefined ? {} : { bound }) };
    fields.set(keyOf(member.key), { ...field, isRequired: isRequired(member, type) });
  }
  return fields;
}

/** `deleted?: void` says that the field is never there. */
function isRequired(member: ESTree.TSPropertySignature, type: ESTree.TSType): boolean {
  return !member.optional && type.type !== "TSVoidKeyword";
}

function keyOf(key: ESTree.PropertyKey): string {
  if (key.type === "Identifier") return key.name;
  if (key.type === "Literal") return String(key.value);
  throw new Error(`A ${key.type} is no key`);
}
