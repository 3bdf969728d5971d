/** Counts what thousands of requests came to, so that one line of the matrix stands for each kind. */
import type { Attempt } from "../attempt.ts";

export type Tally = {
  /** One request of a kind: what it came to in a word, and what was wrong with that, if anything. */
  count(kind: Kind, result: string, fault?: string): void;
  /** How many requests at an object came to this. */
  total(object: string, result: string): number;
  attempts(): Attempt[];
};

export type Kind = {
  object: string;
  verb: string;
  /** Whether at least one such request must have been answered, or it proves nothing. */
  mustAnswer: boolean;
};

/** The word for a request that got what it asked for. */
export const ANSWERED = "answered";

/** The word for a request that failed for the trouble made, or for a fault that looks like it. */
export const CUT_OFF = "cut off";

/** An empty tally of what so many tenants do at once. */
export function tallyOf(actor: string): Tally {
  const kinds = new Map<string, { kind: Kind; results: Map<string, number>; fault?: string }>();
  return {
    count(kind, result, fault) {
      const key = `${kind.object}\n${kind.verb}`;
      const entry = kinds.get(key) ?? { kind, results: new Map<string, number>() };
      entry.results.set(result, (entry.results.get(result) ?? 0) + 1);
      if (fault !== undefined) entry.fault ??= fault;
      kinds.set(key, entry);
    },
    total: (object, result) =>
      [...kinds.values()]
        .filter(({ kind }) => kind.object === object)
        .reduce((sum, { results }) => sum + (results.get(result) ?? 0), 0),
    attempts: () =>
      [...kinds.values()].map(({ kind, results, fault }) => {
        const { object, verb, mustAnswer } = kind;
        const answered = results.get(ANSWERED) ?? 0;
        const isVacuous = mustAnswer && answered === 0 && fault === undefined;
        const counts = [...results].map(([result, count]) => `${count} ${result}`).join(", ");
        return {
          layer: "session",
          object,
          actor,
          verb,
          outcome: isVacuous ? "vacuous" : answered > 0 ? "own rows only" : "refused",
          detail: fault === undefined ? counts : `${fault} (${counts})`,
          breach: fault !== undefined,
        };
      }),
  };
}
