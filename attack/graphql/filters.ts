/** Filters and conditions: each on what the house's row has in that column, relations included. */
import { getNamedType, isInputObjectType, type GraphQLInputObjectType } from "graphql";

import type { House } from "../fixture/plant.ts";
import { columnOf, isList, rowTypeOf, subjectOf, type Api, type Field } from "./api.ts";
import type { Probe } from "./probe.ts";
import { rowOf, valueFor } from "./values.ts";

type Condition = {
  verb: string;
  value: (house: House) => unknown;
  /** Whether the owner's own row fulfils it with their own values. */
  holds: boolean;
  by: Probe["by"];
};

/** How far filters follow relations. */
const DEPTH = 1;
const LOGIC: ReadonlySet<string> = new Set(["and", "or", "not"]);
/** Operators that a row's own value fulfils. */
const HOLDS: ReadonlySet<string> = new Set(["equalTo", "in", "notDistinctFrom"]);
const QUANTIFIERS = ["some", "every", "none"];

/**
 * Every condition and filter of a connection, on top of the plain list. `known` remembers whose
 * operators were tried: an operator is one for all columns of a type, so the first of them tells most.
 */
export function filterProbes(api: Api, field: Field, list: Probe, known: Set<string>): Probe[] {
  const subject = rowTypeOf(field)?.name;
  return field.args.flatMap(({ name, type }) => {
    const input = getNamedType(type);
    if (!isInputObjectType(input)) return [];
    const conditions =
      name === "condition"
        ? equalities(api, input, subject)
        : name === "filter"
          ? filters(api, input, subject, DEPTH, known)
          : [];
    return conditions.map((condition) => ({
      ...list,
      verb: `${name} ${condition.verb}`,
      args: [{ name, type: input.name, value: condition.value }],
      isControlled: condition.holds,
      by: condition.by,
    }));
  });
}

function equalities(
  api: Api,
  input: GraphQLInputObjectType,
  subject: string | undefined,
): Condition[] {
  return Object.values(input.getFields()).map((field) => ({
    verb: field.name,
    value: (house) => under(field.name, valueFor(api, house, { ...field, subject })),
    holds: hasColumn(api, subject, field.name),
    by: "everybody",
  }));
}

function filters(
  api: Api,
  input: GraphQLInputObjectType,
  subject: string | undefined,
  depth: number,
  known = new Set<string>(),
): Condition[] {
  return Object.values(input.getFields()).flatMap((field) => {
    const type = getNamedType(field.type);
    if (!isInputObjectType(type)) return [];
    if (LOGIC.has(field.name)) return depth === DEPTH ? logic(api, input, subject, field) : [];
    const isRelation = subjectOf(api, type) !== undefined || "some" in type.getFields();
    if (!isRelation) {
      const isFirst = !known.has(type.name) && hasColumn(api, subject, field.name);
      if (isFirst) known.add(type.name);
      return operators(api, field.name, type, subject, isFirst);
    }
    if (depth === 0) return [];
    return related(api, type, depth).map((inner, n) => ({
      verb: `${field.name} ${inner.verb}`,
      value: (house) => under(field.name, inner.value(house)),
      holds: false,
      by: n === 0 ? "owner" : "owner at leisure",
    }));
  });
}

/** Each operator on one column: the type of its value tells what to give. */
function operators(
  api: Api,
  name: string,
  type: GraphQLInputObjectType,
  subject: string | undefined,
  isFirst: boolean,
): Condition[] {
  return Object.values(type.getFields()).map((operator) => ({
    verb: `${name} ${operator.name}`,
    value(house) {
      const value =
        operator.name === "isNull"
          ? false
          : valueFor(api, house, { name, type: operator.type, subject });
      return under(name, under(operator.name, value));
    },
    holds: HOLDS.has(operator.name) && hasColumn(api, subject, name),
    by: operator.name === "equalTo" ? "everybody" : isFirst ? "owner" : "owner at leisure",
  }));
}

/** A relation to one row is its filter; one to many has quantifiers around it. */
function related(api: Api, type: GraphQLInputObjectType, depth: number): Condition[] {
  const own = subjectOf(api, type);
  if (own !== undefined) return mostTelling(filters(api, type, own, depth - 1));
  return QUANTIFIERS.flatMap((quantifier) => {
    const field = type.getFields()[quantifier];
    const inner = field && getNamedType(field.type);
    if (!isInputObjectType(inner)) return [];
    return mostTelling(filters(api, inner, subjectOf(api, inner), depth - 1)).map((condition) => ({
      ...condition,
      verb: `${quantifier} ${condition.verb}`,
      value: (house) => under(quantifier, condition.value(house)),
    }));
  });
}

/** Through a relation, equality tells all that the other operators could. */
function mostTelling(conditions: readonly Condition[]): Condition[] {
  return conditions.filter(({ verb }) => verb.endsWith(" equalTo"));
}

function logic(
  api: Api,
  input: GraphQLInputObjectType,
  subject: string | undefined,
  field: { name: string; type: unknown },
): Condition[] {
  const [first] = mostTelling(filters(api, input, subject, 0));
  if (first === undefined) return [];
  const wrap = (value: unknown) => (isList(field.type) ? [value] : value);
  return [
    {
      verb: `${field.name} ${first.verb}`,
      value: (house) => {
        const value = first.value(house);
        return value === undefined ? undefined : { [field.name]: wrap(value) };
      },
      holds: field.name !== "not" && first.holds,
      by: "owner",
    },
  ];
}

function under(name: string, value: unknown): Record<string, unknown> | undefined {
  return value === undefined ? undefined : { [name]: value };
}

/** Whether the owner's own row has a value there, so that the row must be found by it. */
function hasColumn(api: Api, subject: string | undefined, name: string): boolean {
  return rowOf(api, api.home, subject)?.[columnOf(name)] != null;
}
