import { invalidParameter } from "./errors.ts";
import { PAGE } from "./pagination.ts";
import { isRecord, text } from "./params.ts";

/** The parameters of every search. */
export const SEARCH = {
  required: { query: text },
  optional: { limit: PAGE.limit, page: text },
};
type Query = { query: string; limit?: number; page?: string };
type Test = (row: object) => boolean;

const CLAUSE =
  /^\s*(-?)(\w+)(?:\[(?:'([^']+)'|"([^"]+)")\])?\s*(:|~|>=|<=|>|<)\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(null|-?\d+))\s*/;

/** A page of the rows that match a query like `email:'a@b.c' AND metadata['k']:'v'`. */
export function search(rows: object[], params: Query, url: string): object {
  const matches = rows.filter(parse(params.query)).toReversed();
  const start = Number(params.page ?? 0);
  const end = start + (params.limit ?? 10);
  const hasMore = matches.length > end;
  return {
    object: "search_result",
    data: matches.slice(start, end),
    has_more: hasMore,
    next_page: hasMore ? String(end) : null,
    url,
  };
}

/** Clauses joined by AND, or all by OR; Stripe does not let the two mix. */
function parse(query: string): Test {
  const tests: Test[] = [];
  const joins = new Set<string>();
  let rest = query;
  for (;;) {
    const clause = CLAUSE.exec(rest);
    if (clause === null) throw malformed(query);
    tests.push(testOf(clause));
    rest = rest.slice(clause[0].length);
    if (rest === "") break;
    const join = /^(AND|OR)\b/i.exec(rest);
    if (join === null) throw malformed(query);
    joins.add(join[0].toUpperCase());
    rest = rest.slice(join[0].length);
  }
  if (joins.size > 1) throw malformed(query);
  if (joins.has("OR")) return (row) => tests.some((test) => test(row));
  return (row) => tests.every((test) => test(row));
}

function testOf(clause: RegExpExecArray): Test {
  const [, minus, field = "", single, double, operator = ":", quoted, doubled, bare] = clause;
  const key = single ?? double;
  const wanted = (quoted ?? doubled ?? bare ?? "").replaceAll(/\\(.)/g, "$1");
  const isNull = bare === "null";
  return (row) => {
    const value = read(row, field, key);
    const hit = isNull ? value === null || value === undefined : compare(value, operator, wanted);
    return minus === "-" ? !hit : hit;
  };
}

function read(row: object, field: string, key: string | undefined): unknown {
  const value: unknown = Object.entries(row).find(([name]) => name === field)?.[1];
  if (key === undefined) return value;
  return isRecord(value) ? value[key] : undefined;
}

/** Text is compared without regard to case, as Stripe's search does. */
function compare(value: unknown, operator: string, wanted: string): boolean {
  if (typeof value !== "string" && typeof value !== "number") return false;
  const actual = String(value).toLowerCase();
  switch (operator) {
    case ":":
      return actual === wanted.toLowerCase();
    case "~":
      return actual.includes(wanted.toLowerCase());
    case ">":
      return Number(actual) > Number(wanted);
    case ">=":
      return Number(actual) >= Number(wanted);
    case "<":
      return Number(actual) < Number(wanted);
    default:
      return Number(actual) <= Number(wanted);
  }
}

function malformed(query: string): Error {
  return invalidParameter(
    "query",
    `We were unable to parse your search query: ${query}. Write field:'value' clauses joined by AND.`,
  );
}
