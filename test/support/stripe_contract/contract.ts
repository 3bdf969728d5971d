/** Holds requests, answers and events to the SDK's types. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";

import type { DataValidateFunction } from "ajv/dist/types/index.js";

type Index = {
  endpoints: Record<string, { params: object; returns: object }>;
  events: Record<string, object>;
  error: object;
};

type Discriminator = { propertyName: string; mapping: Record<string, object> };
type Document = { $defs: Record<string, object> };

/** Our schemas are made by ourselves, and most are used a few times only. */
const QUICK = {
  strict: false,
  validateSchema: false,
  validateFormats: false,
  addUsedSchema: false,
  meta: false,
  code: { optimize: false },
};

/** What is wrong with something, or undefined. */
export type Verdict = string | undefined;

export type StripeContract = {
  /** The endpoints of the SDK, as in `GET /v1/customers/:`. */
  endpoints: ReadonlySet<string>;
  eventTypes: ReadonlySet<string>;
  /** A request's parameters as they were read from the form. */
  request(endpoint: string, params: unknown): Verdict;
  /** An answer's body. */
  response(endpoint: string, status: number, body: unknown): Verdict;
  event(event: unknown): Verdict;
};

/** How we write a path whose parameters have names: `/v1/customers/:id` is `/v1/customers/:`. */
export function endpointKey(method: string, path: string): string {
  return `${method} ${path.replaceAll(/:\w+/g, ":")}`;
}

/** Opens the schemas in a directory. They are read and compiled when they are first needed. */
export function openContract(directory: string): StripeContract {
  const index: Index = read(join(directory, "index.json"));
  const refusal = { type: "object", properties: { error: index.error }, required: ["error"] };
  const outgoing = validators(join(directory, "form"));
  const incoming = validators(join(directory, "json"));

  function endpointOf(key: string): Index["endpoints"][string] {
    const endpoint = index.endpoints[key];
    if (endpoint === undefined) throw new Error(`The SDK calls no ${key}`);
    return endpoint;
  }

  return {
    endpoints: new Set(Object.keys(index.endpoints)),
    eventTypes: new Set(Object.keys(index.events)),
    request: (key, params) => outgoing.check(endpointOf(key).params, params),
    response(key, status, body) {
      return incoming.check(status < 300 ? endpointOf(key).returns : refusal, body);
    },
    event(event) {
      const { type } = event as { type: string };
      const schema = index.events[type];
      if (schema === undefined) return `There is no event ${type}`;
      return incoming.check(schema, event);
    },
  };
}

/**
 * Ajv would compile all that a schema leads to, and from a customer one gets everywhere. Here a
 * reference is followed when a value first gets there.
 */
function validators(directory: string) {
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
    const document = documents.get(file) ?? read<Document>(join(directory, file));
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
    check(schema: object, data: unknown): Verdict {
      const validator = validatorOf(schema);
      return validator(data) ? undefined : explain(validator.errors ?? [], data);
    },
  };
}

/** `$ref`, under a name that Ajv leaves to us. */
const REFERENCE = "definition";

function read<T>(path: string): T {
  const text = readFileSync(path, "utf8").replaceAll('"$ref":', `"${REFERENCE}":`);
  return JSON.parse(text) as T;
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
  return `${instancePath || "/"} ${message} ${JSON.stringify(params)}, is ${at(data, instancePath)}`;
}

function depth({ instancePath }: ErrorObject): number {
  return instancePath.split("/").length;
}

function at(data: unknown, pointer: string): string {
  const value = pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], data);
  return (JSON.stringify(value) ?? "absent").slice(0, 200);
}
