/** The API as introspection shows it, and which table stands behind each of its types. */
import {
  buildClientSchema,
  getIntrospectionQuery,
  getNamedType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type IntrospectionQuery,
} from "graphql";

import type { House, Table } from "../fixture/plant.ts";
import { ask, recordOf } from "./http.ts";

export type Field = GraphQLField<unknown, unknown>;

export type Api = {
  schema: GraphQLSchema;
  /** The attackers' own tenant: what its owner must be able to reach. */
  home: House;
  queries: readonly Field[];
  mutations: readonly Field[];
  subscriptions: readonly Field[];
  /** The planted table whose rows an object type stands for; undefined for everybody's and none's. */
  tableOf(typeName: string): Table | undefined;
};

type Planted = { a: House; tables: readonly Table[] };

/** Introspects a running server, as nobody in particular. */
export async function introspect(url: string, planted: Planted): Promise<Api> {
  const answer = await ask(url, undefined, { query: getIntrospectionQuery(), variables: {} });
  if (!isIntrospection(answer.data)) {
    throw new Error(`The server at ${url} can't be introspected: ${answer.status} ${answer.text}`);
  }
  return apiOf(buildClientSchema(answer.data), planted);
}

/** What the attack needs to know of a schema. */
export function apiOf(schema: GraphQLSchema, { a: home, tables }: Planted): Api {
  const queries = fieldsOf(schema.getQueryType());
  const byType = new Map<string, Table>();
  for (const field of queries) {
    const row = rowTypeOf(field);
    const table = tables.find(({ name }) => name === `app_public.${snakeCase(field.name)}`);
    if (row !== undefined && table !== undefined) byType.set(row.name, table);
  }
  return {
    schema,
    home,
    queries,
    mutations: fieldsOf(schema.getMutationType()),
    subscriptions: fieldsOf(schema.getSubscriptionType()),
    tableOf: (typeName) => byType.get(typeName),
  };
}

/** The type of a connection's rows; undefined when the field is no connection. */
export function rowTypeOf(field: Field): GraphQLObjectType | undefined {
  const type = getNamedType(field.type);
  const nodes = isObjectType(type) ? type.getFields()["nodes"] : undefined;
  const row = nodes && getNamedType(nodes.type);
  return isObjectType(row) ? row : undefined;
}

/** Whether a field can be asked for without saying anything. */
export function needsNothing(field: Field): boolean {
  return !field.args.some(isRequiredArgument);
}

/** The object type that an input's name speaks of: ProjectPatch and ProjectFilter are of Project. */
export function subjectOf(api: Api, input: GraphQLNamedType): string | undefined {
  const name = input.name.replace(/(Input|Patch|Filter|Condition)$/, "");
  return isObjectType(api.schema.getType(name)) ? name : undefined;
}

/** Whether a type is a list, nulls aside. */
export function isList(type: unknown): boolean {
  return isNonNullType(type) ? isListType(type.ofType) : isListType(type);
}

/** `stripeCustomerId` is `stripe_customer_id`; a row's own id is called `rowId` in the API. */
export function columnOf(name: string): string {
  return name === "rowId" ? "id" : snakeCase(name);
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function fieldsOf(type: GraphQLObjectType | null | undefined): Field[] {
  return Object.values(type?.getFields() ?? {});
}

function isIntrospection(data: unknown): data is IntrospectionQuery {
  return recordOf(data)["__schema"] !== undefined;
}
