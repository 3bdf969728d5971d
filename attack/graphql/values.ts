/** What to write where the API wants a value: the house's own, wherever it has one. */
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
} from "graphql";

import type { House, Row } from "../fixture/plant.ts";
import { columnOf, isList, subjectOf, type Api } from "./api.ts";

/** What an argument or an input's field is called, and whose row it speaks of, if of any. */
export type Place = { name: string; type: GraphQLInputType; subject: string | undefined };

/**
 * Words that an argument must be among for the attack to get any further. Not the name of a plan: no
 * tenant shall be founded, which Stripe would hear of.
 */
const WORDS: Readonly<Record<string, unknown>> = {
  role: "member",
  feature: "apiCalls",
  interval: "month",
  scopes: "read",
  amount: 1,
  flow: "payment_method_update",
  // Only the application's own pages are taken, and the default is one of them.
  successUrl: null,
  cancelUrl: null,
  returnUrl: null,
};

/** The inputs in which the name of a plan founds nothing. */
const CHANGES_PLAN = /^(ChangePlan|PreviewPlanChange|CreateCheckoutSession)Input$/;

const BY_TYPE: Readonly<Record<string, unknown>> = {
  Int: 1,
  Float: 1,
  BigInt: "1",
  BigFloat: "1",
  Boolean: true,
  Date: "2038-01-01",
  Datetime: "2038-01-01T00:00:00Z",
};

/** The global id of a row, as the API writes it. */
export function nodeId(api: Api, typeName: string, row: Row | undefined): string | undefined {
  const table = api.tableOf(typeName);
  if (table === undefined || row === undefined) return undefined;
  return btoa(JSON.stringify([typeName, ...table.primaryKey.map((column) => row[column])]));
}

/** The row of a house that stands for an object type. */
export function rowOf(api: Api, house: House, typeName: string | undefined): Row | undefined {
  const table = typeName === undefined ? undefined : api.tableOf(typeName);
  return table && house.rows.get(table.name)?.[0];
}

/** The value for a place; undefined where the house has none and nothing can be made up. */
export function valueFor(api: Api, house: House, place: Place): unknown {
  const named = getNamedType(place.type);
  const value = isInputObjectType(named)
    ? objectFor(api, house, named, place.subject)
    : leafFor(api, house, place);
  return value !== undefined && isList(place.type) ? [value] : value;
}

/** Whether a place takes an id: what the other tenant's rows are called by. */
export function isIdShaped({ name, type }: Pick<Place, "name" | "type">): boolean {
  return ["UUID", "ID"].includes(getNamedType(type).name) || name.endsWith("Id");
}

function objectFor(
  api: Api,
  house: House,
  type: GraphQLInputObjectType,
  subject: string | undefined,
): Record<string, unknown> {
  const about = subjectOf(api, type) ?? subject;
  // What B's row is changed to must not be what it is: nobody would see that it was changed.
  const isPatch = type.name.endsWith("Patch");
  return Object.fromEntries(
    Object.values(type.getFields())
      .filter(({ name }) => name !== "clientMutationId")
      .map((field) => {
        const giver = isPatch && !isIdShaped(field) ? api.home : house;
        const isPlan = field.name === "plan" && CHANGES_PLAN.test(type.name);
        const place = { ...field, subject: about };
        return [field.name, isPlan ? "pro" : valueFor(api, giver, place)] as const;
      })
      .filter(([, value]) => value !== undefined),
  );
}

function leafFor(api: Api, house: House, { name, type, subject }: Place): unknown {
  const named = getNamedType(type);
  const row = rowOf(api, house, subject);
  // A type without rows of a tenant's is asked for one of another type.
  if (named.name === "ID") return globalId(api, house, subject) ?? globalId(api, house, "Tenant");
  const own = row?.[columnOf(name)];
  if (own !== undefined && own !== null) return own;
  if (named.name === "UUID") return referred(api, house, name);
  if (name in WORDS) return WORDS[name];
  if (isEnumType(named)) return named.getValues()[0]?.name;
  if (named.name === "String")
    return /email/i.test(name) ? house.people.member.email : house.canary;
  if (named.name === "JSON") return { canary: house.canary };
  const made = BY_TYPE[named.name];
  return made === undefined && isNonNullType(type) ? house.canary : made;
}

function globalId(api: Api, house: House, subject: string | undefined): string | undefined {
  return subject === undefined ? undefined : nodeId(api, subject, rowOf(api, house, subject));
}

/** `projectId` is the id of a project, `userId` that of a person, any other uuid the tenant's. */
function referred(api: Api, house: House, name: string): unknown {
  if (name === "userId") return house.people.member.id;
  if (name === "previewId") return rowOf(api, house, "BillingRequest")?.["id"];
  const typeName = name.replace(/Id$/, "").replace(/^./, (first) => first.toUpperCase());
  return rowOf(api, house, typeName)?.["id"] ?? house.tenantId;
}
