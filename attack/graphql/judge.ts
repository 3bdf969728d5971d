/** What came of a shot: whether it was refused, hit nothing, hit the attacker's own, or broke in. */
import { REFUSALS, SERVER_CODES } from "../../server/errors.ts";
import type { Attempt } from "../attempt.ts";
import { recordOf, type AnswerError, type GraphqlAnswer } from "./http.ts";
import type { Probe } from "./probe.ts";

/** What an answer says to one alias. */
export type Seen = {
  status: number;
  data: unknown;
  errors: readonly AnswerError[];
  /** The errors' first code; undefined without errors. */
  code: string | undefined;
  /** All of it as text. */
  text: string;
};

const CODES: ReadonlySet<string> = new Set([...Object.values(REFUSALS), ...SERVER_CODES]);

/** The part of an answer that speaks to an alias; an error without a path speaks to all. */
export function seenOf(answer: GraphqlAnswer, alias: string): Seen {
  const errors = answer.errors.filter(({ path }) => path === undefined || path[0] === alias);
  const data = answer.data?.[alias] ?? null;
  const [first] = errors;
  return {
    status: answer.status,
    data,
    errors,
    code: first && (first.extensions?.code ?? "none"),
    text: JSON.stringify({ data, errors }),
  };
}

/** Whether the answer holds anything: a row, a count, a plain value. */
export function hasRows(data: unknown): boolean {
  if (data === null || data === undefined) return false;
  const { nodes, totalCount } = recordOf(data);
  if (Array.isArray(nodes)) return nodes.length > 0 || Number(totalCount) > 0;
  return true;
}

/** What is wrong with the answer whoever asked: a fault of ours, or a code that nobody knows. */
export function faultOf({ status, code }: Seen): string | undefined {
  if (status >= 500) return `the server failed with HTTP ${status}`;
  if (code === undefined) return undefined;
  if (code === "INTERNAL") return "the server failed, instead of refusing";
  return CODES.has(code) ? undefined : `"${code}" is no code of docs/errors.md`;
}

/** The attempt that a shot makes; `leak` says what was told or changed that must not be. */
export function attemptOf(
  probe: Probe,
  actor: string,
  seen: Seen,
  leak: string | undefined,
): Attempt {
  const outcome =
    seen.code !== undefined
      ? "refused"
      : !hasRows(seen.data)
        ? "nothing"
        : probe.isShared
          ? "allowed"
          : "own rows only";
  const detail = leak ?? (outcome === "allowed" ? "It is the same for everybody." : undefined);
  return {
    layer: "graphql",
    object: probe.object,
    actor,
    verb: probe.verb,
    outcome,
    ...(seen.code === undefined ? {} : { code: seen.code }),
    ...(detail === undefined ? {} : { detail }),
    breach: leak !== undefined,
  };
}
