/** Which attempts prove something, now that all were made. */
import type { Attempt } from "../attempt.ts";
import { REFUSERS } from "./calls.ts";
import type { Verdict } from "./verdict.ts";
import { OWN_CALL } from "./probes_call.ts";

/** One attempt with what is needed to weigh it against others of the same role. */
export type Tried = { object: string; actor: string; role: string; verb: string; verdict: Verdict };

/**
 * An attack that came to nothing proves something only if it works where it may; and a function that
 * no one of a role could call was not attacked by that role.
 */
export function proven(tried: readonly Tried[]): Attempt[] {
  const group = ({ object, verb, role }: Tried) => `${object}\n${verb}\n${role}`;
  const works = new Set(
    tried.filter(({ verdict }) => verdict.outcome !== "refused" && verdict.proved).map(group),
  );
  return tried.map((one) => {
    const { actor, object, verb } = one;
    const { proved, ...verdict } = one.verdict;
    const attempt = { layer: "catalog", object, actor, verb, ...verdict } as const;
    if (works.has(group(one))) return attempt;
    if (!proved)
      return { ...attempt, outcome: "vacuous", detail: "it reaches nothing of A's either" };
    return neverCalled(one)
      ? { ...attempt, outcome: "vacuous", detail: "no call succeeds: mend its sample in calls.ts" }
      : attempt;
  });
}

/** Whether nobody of the role gets a call through, and not for want of a right or a tenant. */
function neverCalled({ object, role, verb, verdict }: Tried): boolean {
  if (verb !== OWN_CALL || verdict.outcome !== "refused" || verdict.code === "42501") return false;
  const entersNone = role !== "app_user" && /^(TNREQ|LOGIN)$/.test(verdict.code ?? "");
  return !entersNone && !REFUSERS.has(object.replace(/\(.*$/, ""));
}
