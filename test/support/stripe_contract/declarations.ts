/** The SDK's own declarations, read as syntax: what each name in them stands for. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { parseSync, type ESTree } from "vite";

/** Where the installed SDK keeps its modules and their declarations. */
export const SDK = fileURLToPath(new URL("../../../node_modules/stripe/esm/", import.meta.url));

/** A declared type, with the place in which the names inside it are looked up. */
export type Declared = {
  /** Unique among all modules: `resources/Invoices#Invoice.Parent`. */
  key: string;
  node: ESTree.TSInterfaceDeclaration | ESTree.TSTypeAliasDeclaration;
  scope: Scope;
};

/** What one module or namespace declares; a namespace may be written in several parts. */
export type Scope = {
  module: string;
  path: string[];
  parent: Scope | undefined;
  types: Map<string, Declared>;
  namespaces: Map<string, Scope>;
  /** Local name to the module it comes from and its name there. */
  imports: Map<string, { module: string; name: string }>;
  /** In a namespace: what it passes on, by the name that this has outside of it. */
  passedOn: Map<string, string[]>;
  classes: ESTree.Class[];
};

/** The name of what `import * as …` brings. */
const EVERYTHING = "*";

const modules = new Map<string, Scope>();

/** The top of a module, such as `resources/Invoices`; read once. */
export function moduleScope(module: string): Scope {
  const known = modules.get(module);
  if (known !== undefined) return known;
  const scope = emptyScope(module, [], undefined);
  modules.set(module, scope);
  const { body } = parseModule(`${module}.d.ts`);
  for (const statement of body) declare(scope, statement);
  return scope;
}

/** Parses a file of the SDK. */
export function parseModule(file: string): ESTree.Program {
  const { program, errors } = parseSync(file, readFileSync(join(SDK, file), "utf8"));
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  return program;
}

/** What a name means where it is used, looked up as TypeScript does: from the inside out. */
export function lookUp(scope: Scope, name: string[]): Declared {
  const found = find(scope, name);
  if (found === undefined) {
    throw new Error(`${[scope.module, ...scope.path].join(".")} knows no type ${name.join(".")}`);
  }
  return found;
}

function find(scope: Scope, [first = "", ...rest]: string[]): Declared | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const found = rest.length === 0 ? at.types.get(first) : inside(at.namespaces.get(first), rest);
    if (found !== undefined) return found;
    const imported = at.imports.get(first);
    if (imported !== undefined) {
      const name = imported.name === EVERYTHING ? rest : [imported.name, ...rest];
      return find(moduleScope(imported.module), name);
    }
  }
  return undefined;
}

/** Below a namespace nothing is looked up outwards any more. */
function inside(scope: Scope | undefined, [first = "", ...rest]: string[]): Declared | undefined {
  const own =
    rest.length === 0 ? scope?.types.get(first) : inside(scope?.namespaces.get(first), rest);
  const passedOn = scope?.passedOn.get(first);
  if (own !== undefined || passedOn === undefined || scope?.parent === undefined) return own;
  return find(scope.parent, [...passedOn, ...rest]);
}

function emptyScope(module: string, path: string[], parent: Scope | undefined): Scope {
  return {
    module,
    path,
    parent,
    types: new Map(),
    namespaces: new Map(),
    imports: new Map(),
    passedOn: new Map(),
    classes: [],
  };
}

function declare(scope: Scope, statement: ESTree.Statement | ESTree.Declaration): void {
  if (statement.type === "ExportNamedDeclaration") {
    reExport(scope, statement);
    if (statement.declaration !== null) declare(scope, statement.declaration);
  } else if (
    statement.type === "TSInterfaceDeclaration" ||
    statement.type === "TSTypeAliasDeclaration"
  ) {
    const { name } = statement.id;
    const key = `${scope.module}#${[...scope.path, name].join(".")}`;
    scope.types.set(name, { key, node: statement, scope });
  } else if (statement.type === "TSModuleDeclaration" && statement.kind !== "global") {
    declareNamespace(scope, statement);
  } else if (statement.type === "ImportDeclaration") {
    const module = moduleOf(scope.module, statement.source.value);
    for (const each of statement.specifiers) {
      scope.imports.set(each.local.name, { module, name: nameImported(each) });
    }
  } else if (statement.type === "TSImportEqualsDeclaration") {
    const { id, moduleReference } = statement;
    if (moduleReference.type !== "TSExternalModuleReference") {
      scope.passedOn.set(id.name, nameOf(moduleReference));
    }
  } else if (statement.type === "ClassDeclaration") {
    scope.classes.push(statement);
  }
}

function nameImported(specifier: ESTree.ImportDeclarationSpecifier): string {
  if (specifier.type !== "ImportSpecifier") return EVERYTHING;
  const { imported } = specifier;
  return "name" in imported ? imported.name : imported.value;
}

function declareNamespace(scope: Scope, statement: ESTree.TSModuleDeclaration): void {
  if (statement.id.type !== "Identifier" || statement.body?.type !== "TSModuleBlock") return;
  const { name } = statement.id;
  const namespace =
    scope.namespaces.get(name) ?? emptyScope(scope.module, [...scope.path, name], scope);
  scope.namespaces.set(name, namespace);
  for (const each of statement.body.body) {
    if (each.type !== "ExportDefaultDeclaration") declare(namespace, each);
  }
}

/** `export { Decimal } from "./Decimal.js"`, or `export { Session }` in a namespace. */
function reExport(scope: Scope, { source, specifiers }: ESTree.ExportNamedDeclaration): void {
  for (const { local, exported } of specifiers) {
    if (!("name" in local) || !("name" in exported)) continue;
    if (source === null) scope.passedOn.set(exported.name, [local.name]);
    else {
      const module = moduleOf(scope.module, source.value);
      scope.imports.set(exported.name, { module, name: local.name });
    }
  }
}

/** The parts of a qualified name. */
export function nameOf(node: ESTree.TSTypeName | ESTree.Expression): string[] {
  if (node.type === "Identifier") return [node.name];
  if (node.type === "TSQualifiedName") return [...nameOf(node.left), node.right.name];
  if (node.type === "MemberExpression" && node.property.type === "Identifier") {
    return [...nameOf(node.object), node.property.name];
  }
  throw new Error(`A ${node.type} is no name`);
}

function moduleOf(from: string, specifier: string): string {
  const path = join(SDK, dirname(from), specifier.replace(/\.js$/, ""));
  return relative(SDK, path);
}
