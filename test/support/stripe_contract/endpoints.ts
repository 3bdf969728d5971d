/** Every endpoint that the SDK has a method for, with the types of what goes out and comes back. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

import type { ESTree } from "vite";

import { moduleScope, parseModule, SDK, type Scope } from "./declarations.ts";

export type Endpoint = {
  method: string;
  /** `/v1/customers/:`: what stands in place of a path's parameter is of no interest. */
  path: string;
  /** The type of the parameters; none where the method takes none. */
  params: ESTree.TSType | undefined;
  returns: ESTree.TSType;
  scope: Scope;
};

/** Endpoints that carry files, in one direction, and no JSON. */
const FILES = new Set(["/v1/quotes/:/pdf", "/v1/files"]);

/** Reads the table from the SDK's resources: calls from its code, types from its declarations. */
export function endpointsOfSdk(): Endpoint[] {
  const files = readdirSync(join(SDK, "resources"), { recursive: true, encoding: "utf8" });
  return (
    files
      .filter((file) => file.endsWith(".js") && !file.endsWith("index.js"))
      // Of the second API only what has to do with billing and events.
      .filter((file) => !file.startsWith("V2/") || /^V2.(Billing|Core).(Meter|Event)/.test(file))
      .toSorted()
      .flatMap((file) => endpointsOf(`resources/${file.replace(/\.js$/, "")}`))
      .filter(({ path }) => !FILES.has(path))
  );
}

function endpointsOf(module: string): Endpoint[] {
  const scope = moduleScope(module);
  const declared = new Map(scope.classes.map((each) => [each.id?.name, each]));
  return classesOf(parseModule(`${module}.js`)).flatMap((implemented) =>
    methodsOf(implemented).flatMap((method): Endpoint[] => {
      const call = requestOf(method.value);
      const types = declared.get(implemented.id?.name);
      if (call === undefined || types === undefined) return [];
      return [{ ...call, ...signatureOf(types, nameOf(method)), scope }];
    }),
  );
}

function classesOf(program: ESTree.Program): ESTree.Class[] {
  return program.body.flatMap((statement) => {
    const declaration =
      statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    return declaration?.type === "ClassDeclaration" ? [declaration] : [];
  });
}

function methodsOf(of: ESTree.Class): ESTree.MethodDefinition[] {
  return of.body.body.filter(
    (each): each is ESTree.MethodDefinition =>
      each.type === "MethodDefinition" || each.type === "TSAbstractMethodDefinition",
  );
}

function nameOf({ key }: ESTree.MethodDefinition): string {
  return key.type === "Identifier" ? key.name : "";
}

/** Method and path of the one `this._makeRequest("GET", "/v1/…", …)` inside. */
function requestOf(inside: unknown): { method: string; path: string } | undefined {
  if (typeof inside !== "object" || inside === null) return undefined;
  const node = inside as Partial<ESTree.CallExpression>;
  const callee = node.type === "CallExpression" ? node.callee : undefined;
  if (callee?.type === "MemberExpression" && isNamed(callee.property, "_makeRequest")) {
    const [method, path] = node.arguments ?? [];
    const text = path === undefined ? "" : pathOf(path);
    if (method?.type === "Literal" && /^\/v[12]\//.test(text)) {
      return { method: String(method.value), path: text };
    }
  }
  for (const each of Object.values(inside)) {
    const found = requestOf(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isNamed(node: ESTree.MemberExpression["property"], name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

function pathOf(node: ESTree.Argument): string {
  if (node.type === "Literal") return String(node.value);
  if (node.type !== "TemplateLiteral") return "";
  return node.quasis.map(({ value }) => value.raw).join(":");
}

/** Of several signatures, the one that takes parameters says most. */
function signatureOf(of: ESTree.Class, name: string): Pick<Endpoint, "params" | "returns"> {
  const signatures = methodsOf(of)
    .filter((method) => nameOf(method) === name)
    .map(({ value }) => ({
      params: value.params.map(typeOfParams).find((type) => type !== undefined),
      returns: value.returnType?.typeAnnotation,
    }));
  const best = signatures.find(({ params }) => params !== undefined) ?? signatures[0];
  if (best?.returns === undefined) throw new Error(`${of.id?.name}.${name} is not declared`);
  return { params: best.params, returns: best.returns };
}

function typeOfParams(param: ESTree.ParamPattern): ESTree.TSType | undefined {
  if (param.type !== "Identifier" || param.name !== "params") return undefined;
  return param.typeAnnotation?.typeAnnotation;
}
