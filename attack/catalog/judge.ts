/** Tries a probe and says what came of it. */
import type { Attempt } from "../attempt.ts";
import type { Actor } from "./actors.ts";
import type { Answer, Door } from "./door.ts";
import type { Command, Exceptions } from "./exceptions.ts";
import type { Compare, Forbidden, Probe, Reach, Sweep } from "./probe.ts";
import type { Telltale } from "./telltale.ts";
import type { Witness } from "./witness.ts";

/** What a judgement needs to know. */
export type Court = {
  door: Door;
  witness: Witness;
  exceptions: Exceptions;
  telltale: Telltale;
};

/** What is attacked, by whom. */
export type Target = {
  object: string;
  actor: Actor;
  /** Whose its rows are: a tenant's or a person's; everyone's; or they don't tell, as in a view. */
  rows: "owned" | "shared" | "mixed";
};

/** A verdict; `proved` when the same attack is known to work on what it may reach. */
export type Verdict = Pick<Attempt, "outcome" | "code" | "detail" | "breach"> & { proved: boolean };

/** Roles that act for a tenant's people: no exception for system roles is theirs. */
const PEOPLES_ROLES = ["app_user", "app_anonymous"];

/**
 * Refusals that a sound probe may meet: our own codes, which are letters; no right; a constraint of
 * A's own; garbage for a uuid; what a view or a relation under policies can't do at all.
 */
const REFUSALS = /^([A-Z]{5}|42501|23\d{3}|22P02|0A000|55000|42809)$/;

/** Tries it. Undefined: not tried, because what is aimed better says the same. */
export function judge(court: Court, target: Target, probe: Probe): Promise<Verdict | undefined> {
  switch (probe.kind) {
    case "reach":
      return judgeReach(court, target, probe);
    case "sweep":
      return judgeSweep(court, target, probe);
    case "compare":
      return judgeCompare(court, target, probe);
    case "forbidden":
      return judgeForbidden(court, target, probe);
  }
}

async function judgeReach(court: Court, target: Target, probe: Reach): Promise<Verdict> {
  const answer = await court.door.probe(probe.sql);
  const told = court.telltale(answer.text, probe.sql);
  if (told !== undefined) return foreign(court, target, probe.command, answer, `told ${told}`);
  if (answer.code !== undefined && answer.code === probe.shows) {
    return foreign(court, target, probe.command, answer, "its answer depends on B's rows");
  }
  if (answer.code !== undefined) return refused(answer);
  if (answer.count > 0) {
    return foreign(court, target, probe.command, answer, `${answer.count} rows that are not A's`);
  }
  const touched = probe.command === "r" ? [] : await court.witness.disturbed();
  if (touched.length > 0) return disturbance(court, target, probe.command, touched);
  if (probe.control === undefined) return nothing(true);
  const control = await court.door.probe(probe.control);
  return nothing(control.code === undefined ? control.count > 0 : control.code === probe.shows);
}

async function judgeSweep(
  court: Court,
  target: Target,
  probe: Sweep,
): Promise<Verdict | undefined> {
  const reason = excuse(court, target, probe.command);
  if (reason !== undefined && target.rows === "owned") return undefined;
  const answer = await court.door.probe(probe.sql);
  const told = court.telltale(answer.text, probe.sql);
  if (told !== undefined) return foreign(court, target, probe.command, answer, `told ${told}`);
  if (answer.code !== undefined) return refused(answer);
  const touched = probe.command === "r" ? [] : await court.witness.disturbed();
  if (touched.length > 0) return disturbance(court, target, probe.command, touched);
  if (answer.count === 0) return nothing(reason !== undefined);
  if (reason !== undefined) return allowed(reason);
  if (target.rows === "shared") return breach(answer, "nobody reviewed that it may");
  return { outcome: "own rows only", breach: false, proved: true };
}

async function judgeCompare(court: Court, target: Target, probe: Compare): Promise<Verdict> {
  const free = await court.door.probe(probe.free);
  const taken = await court.door.probe(probe.taken);
  const told = court.telltale(taken.text, probe.taken);
  if (told !== undefined) return foreign(court, target, probe.command, taken, `told ${told}`);
  const touched = taken.code === undefined ? await court.witness.disturbed() : [];
  if (touched.length > 0) return disturbance(court, target, probe.command, touched);
  if (taken.code !== free.code || taken.count !== free.count) {
    const detail = `${said(taken)} for what B has, ${said(free)} for what nobody has`;
    const key = probe.index === undefined ? undefined : court.exceptions.key(probe.index);
    const reason = PEOPLES_ROLES.includes(target.actor.role) ? undefined : key;
    if (reason !== undefined) return allowed(reason);
    return foreign(court, target, probe.command, taken, detail);
  }
  if (taken.code === undefined) return nothing(true);
  // Another constraint came first, so the key itself was never asked. (No parent is an answer.)
  if (/^23/.test(taken.code) && taken.code !== "23503") return nothing(false);
  return refused(taken);
}

async function judgeForbidden(court: Court, target: Target, probe: Forbidden): Promise<Verdict> {
  const answer = await court.door.probe(probe.sql);
  const told = court.telltale(answer.text, probe.sql);
  if (told !== undefined) return breach(answer, `told ${told}`);
  const passed = answer.code === undefined || (probe.passed ?? []).includes(answer.code);
  if (!passed) return refused(answer);
  const harmless = answer.code === undefined && answer.count === 0 && probe.command !== undefined;
  if (harmless && probe.command !== "a") return nothing(true);
  const reason = probe.command && excuse(court, target, probe.command);
  if (reason !== undefined) return allowed(reason);
  return probe.accepted === undefined ? breach(answer, "it was let") : allowed(probe.accepted);
}

/** B's rows were reached: allowed where an exception says so. */
function foreign(
  court: Court,
  target: Target,
  command: Command,
  answer: Answer,
  detail: string,
): Verdict {
  const reason = excuse(court, target, command);
  return reason === undefined ? breach(answer, detail) : allowed(reason);
}

/** B's rows were touched, perhaps in another table than the one attacked. */
function disturbance(
  { exceptions }: Court,
  { actor }: Target,
  command: Command,
  tables: readonly string[],
): Verdict {
  const reasons = tables.map((table) => exceptions.rows(table, actor.role, command));
  const [first] = reasons;
  if (first !== undefined && reasons.every((reason) => reason !== undefined)) return allowed(first);
  return {
    outcome: "allowed",
    detail: `touches B's ${tables.join(", ")}`,
    breach: true,
    proved: true,
  };
}

function excuse({ exceptions }: Court, target: Target, command: Command): string | undefined {
  const { object, actor, rows } = target;
  return (
    exceptions.rows(object, actor.role, command) ??
    (rows === "shared" ? exceptions.rows(object, "everyone", command) : undefined)
  );
}

function refused(answer: Answer): Verdict {
  const code = answer.code ?? "none";
  if (REFUSALS.test(code)) return { outcome: "refused", code, breach: false, proved: true };
  const detail = `the attack itself is wrong: ${answer.text.split("\n")[0]}`;
  return { outcome: "vacuous", code, detail, breach: false, proved: true };
}

function nothing(proved: boolean): Verdict {
  return { outcome: "nothing", breach: false, proved };
}

function allowed(detail: string): Verdict {
  return { outcome: "allowed", detail, breach: false, proved: true };
}

function breach({ code }: Answer, detail: string): Verdict {
  return { outcome: "allowed", ...(code && { code }), detail, breach: true, proved: true };
}

function said({ code, count }: Answer): string {
  return code ?? `${count} rows`;
}
