/** What can be said of an attempt. */
import type { Attempt } from "../attempt.ts";
import type { Answer } from "./door.ts";

/** A verdict; `proved` when the same attack is known to work on what it may reach. */
export type Verdict = Pick<Attempt, "outcome" | "code" | "detail" | "breach"> & { proved: boolean };

/**
 * Refusals that a sound probe may meet: our own codes, which are letters; no right; a constraint of
 * A's own; garbage for a uuid; what a view or a relation under policies can't do at all.
 */
const REFUSALS = /^([A-Z]{5}|42501|23\d{3}|22P02|0A000|55000|42809)$/;

/** It was refused; with a code that only a broken probe meets, it proves nothing. */
export function refused(answer: Answer): Verdict {
  const code = answer.code ?? "none";
  if (REFUSALS.test(code)) return { outcome: "refused", code, breach: false, proved: true };
  const detail = `the attack itself is wrong: ${answer.text.split("\n")[0]}`;
  return { outcome: "vacuous", code, detail, breach: false, proved: true };
}

/** It came to nothing. */
export function nothing(proved: boolean): Verdict {
  return { outcome: "nothing", breach: false, proved };
}

/** It got through, and this is why it may. */
export function allowed(detail: string): Verdict {
  return { outcome: "allowed", detail, breach: false, proved: true };
}

/** It got through. */
export function breach({ code }: Answer, detail: string): Verdict {
  return { outcome: "allowed", ...(code && { code }), detail, breach: true, proved: true };
}

/** An answer in two words. */
export function said({ code, count }: Answer): string {
  return code ?? `${count} rows`;
}
