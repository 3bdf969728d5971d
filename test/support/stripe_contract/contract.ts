/** Holds requests, answers and events to the SDK's types. */
import { join } from "node:path";

import { isRecord } from "../../../dev/stripe/params.ts";
import { readSchemas, validators, type Verdict } from "./validators.ts";
import { closedSets } from "./value_sets.ts";

type Index = {
  endpoints: Record<string, { params: object; returns: object }>;
  events: Record<string, object>;
  error: object;
};

export type StripeContract = {
  /** The endpoints of the SDK, as in `GET /v1/customers/:`. */
  endpoints: ReadonlySet<string>;
  eventTypes: ReadonlySet<string>;
  /** A request's parameters as they were read from the form. */
  request(endpoint: string, params: unknown): Verdict;
  /** The parameters that may only be one of a few words. */
  closedSets(endpoint: string): string[][];
  /** An answer's body. */
  response(endpoint: string, status: number, body: unknown): Verdict;
  event(event: unknown): Verdict;
};

/** How we write a path whose parameters have names: `/v1/customers/:id` is `/v1/customers/:`. */
export function endpointKey(method: string, path: string): string {
  return `${method} ${path.replaceAll(/:\w+/g, ":")}`;
}

/**
 * Stripe's documentation gives the invoice of `invoice.upcoming` no id: there is no such invoice
 * yet. The SDK declares an id for every invoice, so that one is put in before it is held to that.
 */
function asDeclared(body: unknown): unknown {
  if (!isRecord(body)) return body;
  const { data, object, type } = body;
  if (object === "list" && Array.isArray(data)) return { ...body, data: data.map(asDeclared) };
  if (type !== "invoice.upcoming" || !isRecord(data) || !isRecord(data["object"])) return body;
  return { ...body, data: { ...data, object: { id: "in_none", ...data["object"] } } };
}

/** Opens the schemas in a directory. They are read and compiled when they are first needed. */
export function openContract(directory: string): StripeContract {
  const index = readSchemas(join(directory, "index.json")) as Index;
  const refusal = { type: "object", properties: { error: index.error }, required: ["error"] };
  const outgoing = validators(join(directory, "form"));
  const incoming = validators(join(directory, "json"));

  function endpointOf(key: string): Index["endpoints"][string] {
    const endpoint = index.endpoints[key];
    if (endpoint === undefined) throw new Error(`The SDK calls no ${key}`);
    return endpoint;
  }

  /** The second API takes JSON where the first takes forms. */
  function senderOf(key: string): typeof outgoing {
    return key.includes(" /v2/") ? incoming : outgoing;
  }

  return {
    endpoints: new Set(Object.keys(index.endpoints)),
    eventTypes: new Set(Object.keys(index.events)),
    request: (key, params) => senderOf(key).check(endpointOf(key).params, params),
    closedSets: (key) => closedSets(endpointOf(key).params, senderOf(key).definition),
    response(key, status, body) {
      return incoming.check(status < 300 ? endpointOf(key).returns : refusal, asDeclared(body));
    },
    event(event) {
      const { type } = event as { type: string };
      const schema = index.events[type];
      if (schema === undefined) return `There is no event ${type}`;
      return incoming.check(schema, asDeclared(event));
    },
  };
}
