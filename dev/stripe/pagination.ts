import type { Stripe } from "stripe";

import { invalidParameter, missingResource } from "./errors.ts";
import { either, integer, shape, text } from "./params.ts";

/** The parameters of every list. */
export const PAGE = { limit, starting_after: text, ending_before: text };
type Page = { limit?: number; starting_after?: string; ending_before?: string };

/** `created=5`, or `created[gte]=5` and its like. */
export const created = either(
  integer,
  shape({}, { gt: integer, gte: integer, lt: integer, lte: integer }),
);
type Created = ReturnType<typeof created>;

function limit(raw: unknown, at: string): number {
  const value = integer(raw, at);
  if (value >= 1 && value <= 100) return value;
  const bound = value < 1 ? "greater than or equal to 1" : "less than or equal to 100";
  throw invalidParameter(at, `This value must be ${bound}.`);
}

/** One page of `rows`, which are in the order they were made; a list shows the newest first. */
export function page<T extends { id: string; object: string }>(
  rows: Iterable<T>,
  query: Page,
  url: string,
): Stripe.ApiList<T> {
  if (query.starting_after !== undefined && query.ending_before !== undefined) {
    throw invalidParameter("ending_before", "You may only specify one of these parameters.");
  }
  const newestFirst = [...rows].toReversed();
  const size = query.limit ?? 10;
  if (query.ending_before !== undefined) {
    const end = position(newestFirst, query.ending_before, "ending_before");
    const start = Math.max(0, end - size);
    return list(newestFirst.slice(start, end), start > 0, url);
  }
  const after = query.starting_after;
  const start = after === undefined ? 0 : position(newestFirst, after, "starting_after") + 1;
  return list(newestFirst.slice(start, start + size), newestFirst.length > start + size, url);
}

/** A list object around the rows given. */
export function list<T>(data: T[], hasMore: boolean, url: string): Stripe.ApiList<T> {
  return { object: "list", data, has_more: hasMore, url };
}

function position(rows: { id: string; object: string }[], id: string, param: string): number {
  const index = rows.findIndex((row) => row.id === id);
  if (index < 0) throw missingResource(rows[0]?.object ?? "object", id, param);
  return index;
}

/** True if a time falls in the range asked for. */
export function isCreatedIn(time: number, range: Created | undefined): boolean {
  if (range === undefined) return true;
  if (typeof range === "number") return time === range;
  const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = range;
  return time > gt && time >= gte && time < lt && time <= lte;
}
