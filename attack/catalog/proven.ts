/** Which attempts prove something, now that all were made. */
import type { Attempt } from "../attempt.ts";
import { REFUSERS } from "./calls.ts";
import type { Verdict } from "./verdict.ts";

/** One attempt with what is needed to weigh it against others of the same role. */
export type Tried = { object: string; actor: string; role: string; verb: string; verdict: Verdict };

/**
 * An attack that came to nothing proves something only if it works where it may; and a function that
 * no one of a role could call was not attacked by that role.
 */
export function proven(tried: readonly Tried[]): Attempt[] {
  const group = ({ object, verb, role }: Tried) => `${object}\n${verb}\n${role}`;
  const works = new Set(tried.filter(({ verdict }) => verdict.proved).map(group));
  return tried.map((one) => {
    const { actor, object, verb, role } = one;
    const { proved, ...verdict } = one.verdict;
    const attempt = { layer: "catalog", object, actor, verb, ...verdict } as const;
    if (proved || works.has(group(one))) return attempt;
    if (!object.endsWith(")")) {
      return { ...attempt, outcome: "vacuous", detail: "it reaches nothing of A's either" };
    }
    // Without a tenant, as tasks are, whatever asks for one refuses.
    const entersNone = role !== "app_user" && /^(TNREQ|LOGIN)$/.test(verdict.code ?? "");
    if (entersNone || REFUSERS.has(object.replace(/\(.*$/, ""))) return attempt;
    return {
      ...attempt,
      outcome: "vacuous",
      detail: "no call succeeds: mend its sample in calls.ts",
    };
  });
}
