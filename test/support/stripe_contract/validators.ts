/** Validators of JSON Schemas that are compiled as far as the data lead. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { DataValidateFunction } from "ajv/dist/types/index.js";

/** What is wrong with something, or undefined. */
export type Verdict = string | undefined;

type Discriminator = { propertyName: string; mapping: Record<string, object> };
type Document = { $defs: Record<string, object> };

/** `$ref`, under a name that Ajv leaves to us. */
const REFERENCE = "definition";

/** Our schemas are made by ourselves, and most are used a few times only. */
const QUICK = {
  strict: false,
  validateSchema: false,
  validateFormats: false,
  addUsedSchema: false,
  meta: false,
  code: { optimize: false },
};

/**
 * Ajv would compile all that a schema leads to, and from a customer one gets everywhere. Here a
 * reference is followed when a value first gets there.
 */
export function validators(directory: string) {
  const ajv = new Ajv2020(QUICK);
  const documents = new Map<string, Document>();
  const compiled = new WeakMap<object, ValidateFunction>();

  function validatorOf(schema: object): ValidateFunction {
    const validator = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, validator);
    return validator;
  }

  function definition(reference: string): object {
    const [file = "", name = ""] = reference.split("#/$defs/");
    const document = documents.get(file) ?? (readSchemas(join(directory, file)) as Document);
    documents.set(file, document);
    const found = document.$defs[name];
    if (found === undefined) throw new Error(`${file} has no ${name}`);
    return found;
  }

  function follow(schemaFor: (data: unknown) => object | undefined): DataValidateFunction {
    const validate: DataValidateFunction = (data, at) => {
      const schema = schemaFor(data);
      if (schema === undefined) return true;
      const validator = validatorOf(schema);
      if (validator(data)) return true;
      validate.errors = (validator.errors ?? []).map((error) => below(error, at?.instancePath));
      return false;
    };
    return validate;
  }

  ajv.addKeyword({
    keyword: REFERENCE,
    errors: "full",
    compile: (reference: string) => follow(() => definition(reference)),
  });
  ajv.addKeyword({
    keyword: "discriminator",
    errors: "full",
    // A word that is not in the mapping is refused beside this keyword.
    compile: ({ propertyName, mapping }: Discriminator) =>
      follow((data) => mapping[String((data as Record<string, unknown>)[propertyName])]),
  });

  return {
    definition,
    check(schema: object, data: unknown): Verdict {
      const validator = validatorOf(schema);
      return validator(data) ? undefined : explain(validator.errors ?? [], data);
    },
  };
}

/** Schemas as they are on disk, but with references that are ours to follow. */
export function readSchemas(path: string): unknown {
  const text = readFileSync(path, "utf8").replaceAll('"$ref":', `"${REFERENCE}":`);
  return JSON.parse(text);
}

function below(error: ErrorObject, path = ""): ErrorObject {
  return { ...error, instancePath: `${path}${error.instancePath}` };
}

/** The error deepest in the data says most; `if` only repeats what its branch has said. */
function explain(errors: ErrorObject[], data: unknown): string {
  const telling = errors.filter(({ keyword }) => keyword !== "if");
  const [deepest] = telling.toSorted((a, b) => depth(b) - depth(a));
  if (deepest === undefined) return "is not valid";
  const { instancePath, message, params } = deepest;
  return `${instancePath || "/"} ${message} ${JSON.stringify(params)}, is ${show(data, instancePath)}`;
}

function depth({ instancePath }: ErrorObject): number {
  return instancePath.split("/").length;
}

function show(data: unknown, pointer: string): string {
  const value = pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], data);
  return (JSON.stringify(value) ?? "absent").slice(0, 200);
}
