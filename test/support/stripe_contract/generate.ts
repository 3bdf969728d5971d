/**
 * JSON Schemas of all that the SDK sends and gets, from its own declarations. TypeScript 7 has no
 * stable interface to its checker, and needs none here: the declarations are generated, regular, and
 * say everything by name. A construct that is not known is refused, never passed over.
 */
import type { Declared } from "./declarations.ts";
import { moduleScope } from "./declarations.ts";
import { endpointsOfSdk, type Endpoint } from "./endpoints.ts";
import { definitionOf, schemaOf } from "./schema_of_type.ts";
import type { Encoding, Maker, Schema } from "./written.ts";

/** One document a module of the SDK, `$ref`s between them relative: `Customers.json#/$defs/…`. */
export type Documents = Map<string, { $defs: Record<string, Schema> }>;

export type Contract = {
  /** By `GET /v1/customers/:`. */
  endpoints: Record<string, { params: Schema; returns: Schema }>;
  /** The event, by its type. */
  events: Record<string, Schema>;
  /** What is under `error` in an answer that refuses. */
  error: Schema;
  documents: Record<Encoding, Documents>;
};

/** Makes the whole contract; it takes a second or two. */
export function generateContract(): Contract {
  const json = collector("json");
  const form = collector("form");
  const endpoints: Contract["endpoints"] = {};
  for (const endpoint of endpointsOfSdk()) {
    const key = `${endpoint.method} ${endpoint.path}`;
    endpoints[key] ??= schemasOf(endpoint, json.maker, form.maker);
  }
  const events = eventsOf(json.maker);
  const error = json.maker.refer(declaredIn("resources/PaymentIntents", "LastPaymentError"));
  json.finish();
  form.finish();
  return { endpoints, events, error, documents: { json: json.documents, form: form.documents } };
}

function schemasOf({ params, returns, scope, path }: Endpoint, json: Maker, form: Maker) {
  // The second API takes JSON where the first takes forms.
  const input = path.startsWith("/v2/") ? json : form;
  return {
    params: params === undefined ? {} : schemaOf(input, { type: params, scope }),
    returns: schemaOf(json, { type: returns, scope }),
  };
}

/** Each member of the union `Event` is known by the one word in its `type`. */
function eventsOf(maker: Maker): Record<string, Schema> {
  const scope = moduleScope("resources/Events");
  const union = scope.types.get("Event");
  if (union?.node.type !== "TSTypeAliasDeclaration") throw new Error("Event is no union");
  const schema = schemaOf(maker, { type: union.node.typeAnnotation, scope });
  return (schema as { discriminator: { mapping: Record<string, Schema> } }).discriminator.mapping;
}

function declaredIn(module: string, name: string): Declared {
  const namespaces = [...moduleScope(module).namespaces.values()];
  const declared = namespaces.flatMap(({ types }) => types.get(name) ?? [])[0];
  if (declared === undefined) throw new Error(`${module} declares no ${name}`);
  return declared;
}

/** Keeps what is referred to until each has its definition. */
function collector(encoding: Encoding) {
  const documents: Documents = new Map();
  const known = new Set<string>();
  const waiting: Declared[] = [];

  function refer(declared: Declared): Schema {
    if (!known.has(declared.key)) waiting.push(declared);
    known.add(declared.key);
    const { document, name } = placeOf(declared);
    return { $ref: `${document}#/$defs/${name}` };
  }

  const maker: Maker = { encoding, refer, schemaOf: (written) => schemaOf(maker, written) };

  function finish(): void {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { document, name } = placeOf(next);
      const { $defs } = documents.get(document) ?? { $defs: {} };
      $defs[name] = definitionOf(maker, next);
      documents.set(document, { $defs });
    }
  }

  return { maker, documents, finish };
}

function placeOf({ key }: Declared): { document: string; name: string } {
  const [module = "", name = ""] = key.split("#");
  return { document: `${module.replace("resources/", "").replaceAll("/", ".")}.json`, name };
}
