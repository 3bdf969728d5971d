/** Tries a probe and says what came of it. */
import type { Actor } from "./actors.ts";
import type { Answer, Door } from "./door.ts";
import type { Command, Exceptions } from "./exceptions.ts";
import type { Compare, Forbidden, Probe, Reach, Sweep } from "./probe.ts";
import type { Telltale } from "./telltale.ts";
import { allowed, breach, nothing, refused, said, type Verdict } from "./verdict.ts";
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
  /**
   * Whose its rows are: a tenant's or a person's; everyone's; or they don't tell, as in a view. A
   * function has what it reads.
   */
  rows: "owned" | "shared" | "mixed" | "function";
  /** The commands that the actor's role holds a right to; calling is writing. */
  held: ReadonlySet<Command>;
};

/** Roles that act for a tenant's people: no exception for system roles is theirs. */
const PEOPLES_ROLES = new Set(["app_user", "app_anonymous"]);

/** Tries it. Undefined: not tried, because what is aimed better says the same. */
export function judge(court: Court, target: Target, probe: Probe): Promise<Verdict | undefined> {
  if (probe.kind === "reach") return judgeReach(court, target, probe);
  if (probe.kind === "sweep") return judgeSweep(court, target, probe);
  if (probe.kind === "compare") return judgeCompare(court, target, probe);
  return judgeForbidden(court, target, probe);
}

async function judgeReach(court: Court, target: Target, probe: Reach): Promise<Verdict> {
  const answer = await court.door.probe(probe.sql);
  const told = court.telltale(answer.text, probe.sql);
  if (told !== undefined) return foreign(court, target, probe.command, answer, `told ${told}`);
  if (answer.code !== undefined && answer.code === probe.shows) {
    return foreign(court, target, probe.command, answer, "its answer depends on B's rows");
  }
  if (answer.code !== undefined) {
    // Where there is a right, only the policy refused: A's own rows must be let through.
    const proves = !target.held.has(probe.command) || (await works(court, probe));
    return { ...refused(answer), proved: proves };
  }
  if (answer.count > 0) {
    return foreign(court, target, probe.command, answer, `${answer.count} rows that are not A's`);
  }
  const touched = probe.command === "r" ? [] : await court.witness.disturbed();
  if (touched.length > 0) return disturbance(court, target, probe.command, touched);
  return nothing(await works(court, probe));
}

/** Whether the same attack reaches what it may. */
async function works({ door }: Court, { control, shows }: Reach): Promise<boolean> {
  if (control === undefined) return true;
  const { code, count } = await door.probe(control);
  return code === undefined ? count > 0 : code === shows;
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
  if (answer.code !== undefined) {
    return { ...refused(answer), proved: !probe.own || refusalProves(target, probe, answer) };
  }
  const touched = probe.command === "r" ? [] : await court.witness.disturbed();
  if (touched.length > 0) return disturbance(court, target, probe.command, touched);
  if (!probe.own) return nothing(true);
  // A system's list may be empty; one for everyone has something in it.
  const { object, actor } = target;
  const ofSystem = court.exceptions.rows(object, actor.role, probe.command) !== undefined;
  if (answer.count === 0) return nothing(ofSystem || target.rows === "function");
  if (reason !== undefined) return allowed(reason);
  if (target.rows === "shared") return breach(answer, "nobody reviewed that it may");
  return { outcome: "own rows only", breach: false, proved: true };
}

/**
 * What is one's own is the control of the others: where there is a right it must work for somebody,
 * and a function that may not be called has to be refused for that, not for what it was given.
 */
function refusalProves({ held, rows }: Target, { command }: Sweep, { code }: Answer): boolean {
  return !held.has(command) && (rows !== "function" || code === "42501");
}

async function judgeCompare(court: Court, target: Target, probe: Compare): Promise<Verdict> {
  const free = await court.door.probe(probe.free);
  const taken = await court.door.probe(probe.taken);
  const told = court.telltale(taken.text, probe.taken);
  if (told !== undefined) return foreign(court, target, probe.command, taken, `told ${told}`);
  const wrote = taken.code === undefined && probe.command !== "r";
  const touched = wrote ? await court.witness.disturbed() : [];
  if (touched.length > 0) return disturbance(court, target, probe.command, touched);
  const alike = probe.word !== true || gist(taken, probe.taken) === gist(free, probe.free);
  if (taken.code !== free.code || taken.count !== free.count || !alike) {
    const detail = `${said(taken)} for what B has, ${said(free)} for what nobody has`;
    const key = probe.index === undefined ? undefined : court.exceptions.key(probe.index);
    const reason = PEOPLES_ROLES.has(target.actor.role) ? undefined : key;
    if (reason !== undefined) return allowed(reason);
    return foreign(court, target, probe.command, taken, detail);
  }
  if (taken.code === undefined) return nothing(true);
  // Another constraint came first, so the key itself was never asked. (No parent is an answer.)
  if (taken.code.startsWith("23") && taken.code !== "23503") return nothing(false);
  return refused(taken);
}

async function judgeForbidden(court: Court, target: Target, probe: Forbidden): Promise<Verdict> {
  const answer = await court.door.probe(probe.sql);
  const told = court.telltale(answer.text, probe.sql);
  if (told !== undefined) return breach(answer, `told ${told}`);
  const passed = answer.code === undefined || (probe.passed ?? []).includes(answer.code);
  const { command } = probe;
  const reason = command && excuse(court, target, command);
  // A right to write what is everyone's, which only a missing policy makes idle, is one too many.
  const idle = command !== undefined && target.rows === "shared" && target.held.has(command);
  if (!passed) return { ...refused(answer), proved: !idle || reason !== undefined };
  const harmless = answer.code === undefined && answer.count === 0 && command !== undefined;
  if (harmless && command !== "a") return nothing(!idle || reason !== undefined);
  if (reason !== undefined) return allowed(reason);
  return probe.accepted === undefined ? breach(answer, "it was let") : allowed(probe.accepted);
}

/** An answer without what the question said, ids and times. */
function gist({ text }: Answer, question: string): string {
  const words = [...question.matchAll(/'((?:[^']|'')+)'/g)].map(([, word = ""]) => word);
  const rest = words.reduce((left, word) => left.replaceAll(word, "?"), text);
  return rest.replaceAll(/[0-9a-f]{8,}(-[0-9a-f]{4,})*|\d{4}-\d\d-\d\d[ T][\d:.+]+/g, "?");
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
  court: Court,
  target: Target,
  command: Command,
  tables: readonly string[],
): Verdict {
  const own = target.rows === "function" ? excuse(court, target, command) : undefined;
  const reasons = tables.map(
    (table) => court.exceptions.rows(table, target.actor.role, command) ?? own,
  );
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
  if (rows === "function") {
    return PEOPLES_ROLES.has(actor.role) ? undefined : exceptions.call(object, actor.role);
  }
  return (
    exceptions.rows(object, actor.role, command) ??
    (rows === "shared" ? exceptions.shared(object, actor.role, command) : undefined)
  );
}
