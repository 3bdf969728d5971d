/**
 * Tests the suite itself: builds each fault into a database of its own and asks whether the audit or
 * the attack goes red. The audit is asked first, in a transaction that is taken back; what it lets
 * pass is committed in a copy and attacked.
 */
import type pg from "pg";

import { runAudit, type Finding } from "../../server/isolation_audit.ts";
import { describeAttempt, failures, type Attempt } from "../attempt.ts";
import { attackCatalog, type Scope } from "../catalog/attack.ts";
import type { Planting } from "../fixture/plant.ts";
import { withClient, withCopy, withPlanted, type Arena, type Copy } from "./arena.ts";
import { fromCode } from "./from_code.ts";
import { fromKeys } from "./from_keys.ts";
import { fromRights } from "./from_rights.ts";
import { fromServer } from "./from_server.ts";
import { nameOf, type Mutant } from "./mutant.ts";

export type Fate = {
  mutant: Mutant;
  /** "survived": nobody noticed. "impossible": the database does not let it be built. */
  fate: "killed" | "survived" | "impossible";
  /** The audit's rule or the attack that noticed; or why it is impossible. */
  by: string;
};

export type MutantOptions = {
  arena: Arena;
  /** Which faults to build; all unless it says. */
  only?: (mutant: Mutant) => boolean;
  /**
   * Whether what survives the likely attacks is attacked with all there is by everybody, which takes
   * seconds for each.
   */
  thorough?: boolean;
  /** How many are attacked at a time. */
  width?: number;
  /** Hears of each as it is decided. */
  report?: (fate: Fate) => void;
};

/** Builds the faults, one by one, and tells the fate of each, in the order they were made up. */
export function runMutants(options: MutantOptions): Promise<Fate[]> {
  const { arena, only = () => true, thorough = false, width = 2, report = () => {} } = options;
  return withPlanted(arena, async (copy, planting) => {
    const fates = new Map<Mutant, Fate>();
    const decide = (fate: Fate) => {
      fates.set(fate.mutant, fate);
      report(fate);
    };
    const mutants = await withClient(copy.urls.superuser, async (client) => {
      await requireSound(client);
      const all = (await makeUp(client)).filter(only);
      for (const mutant of all) {
        const fate = await auditOf(client, mutant);
        if (fate.fate !== "survived" || mutant.everywhere) decide(fate);
      }
      return all;
    });
    const waiting = mutants.filter((mutant) => !fates.has(mutant));
    const attackNext = async () => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const scopes = thorough ? [...likelyScopes(mutant), {}] : likelyScopes(mutant);
        decide(await attackOf({ arena, copy, planting, scopes }, mutant));
      }
    };
    await Promise.all(Array.from({ length: width }, attackNext));
    return mutants.flatMap((mutant) => fates.get(mutant) ?? []);
  });
}

/** All faults for the database at hand. */
export async function makeUp(client: pg.ClientBase): Promise<Mutant[]> {
  const mutants = [
    ...(await fromRights(client)),
    ...(await fromKeys(client)),
    ...(await fromCode(client)),
    ...(await fromServer(client)),
  ];
  // Two ways to the same fault have one name.
  return [...new Map(mutants.map((mutant) => [nameOf(mutant), mutant])).values()];
}

/** A fault is noticed only where nothing was wrong before. */
async function requireSound(client: pg.ClientBase): Promise<void> {
  const found = (await runAudit(client)).find(({ severity }) => severity === "error");
  if (found === undefined) return;
  throw new Error(`The audit is red without any fault built in: ${found.object}, ${found.problem}`);
}

/** What tells that a body is another, whatever it says now. */
const BODY_RULES = new Set(["definer_reviewed", "policy_bodies"]);

/** A fault in code is another body, so those rules would notice each, and nothing be learnt of the attack. */
function isTelling({ kind }: Mutant, { severity, rule }: Finding): boolean {
  return severity === "error" && !(kind === "code" && BODY_RULES.has(rule));
}

async function auditOf(client: pg.ClientBase, mutant: Mutant): Promise<Fate> {
  await client.query("begin");
  try {
    await client.query(mutant.sql);
    const found = (await runAudit(client)).find((finding) => isTelling(mutant, finding));
    if (found === undefined) return { mutant, fate: "survived", by: "" };
    return { mutant, fate: "killed", by: `audit: ${found.rule}` };
  } catch (error) {
    return {
      mutant,
      fate: "impossible",
      by: error instanceof Error ? error.message : String(error),
    };
  } finally {
    await client.query("rollback");
  }
}

type Battle = { arena: Arena; copy: Copy; planting: Planting; scopes: readonly Scope[] };

async function attackOf({ arena, copy, planting, scopes }: Battle, mutant: Mutant): Promise<Fate> {
  return withCopy(arena, copy.name, async ({ urls }) => {
    await withClient(urls.superuser, (client) => client.query(mutant.sql));
    const { migrator, server, worker } = urls;
    for (const scope of scopes) {
      const attempts = await attackCatalog(
        { privileged: migrator, server, worker },
        planting,
        scope,
      );
      const noticed = mostTelling(failures(attempts));
      if (noticed !== undefined) {
        return { mutant, fate: "killed", by: `attack: ${describeAttempt(noticed)}` };
      }
    }
    return { mutant, fate: "survived", by: "" };
  });
}

/** Whoever is most likely to notice; the controls of every attack are among them. */
const SCOUTS = new Set([
  "owner",
  "owner of a suspended tenant",
  "member",
  "write key",
  "billing key",
  "removed member",
  "stranger",
  "visitor",
  "no context",
  "worker",
  "identity provider",
  "server's login",
]);

/** Where the fault is, then every function: it mostly ends with the first. */
function likelyScopes({ object }: Mutant): Scope[] {
  const actors = (name: string) => SCOUTS.has(name);
  const near = (name: string) => name === object || object.startsWith(`${name}(`);
  const isCode = (name: string) => name.endsWith(")") || name === "app_private.enter";
  return [
    { objects: near, actors },
    { objects: isCode, actors },
  ];
}

function mostTelling(attempts: readonly Attempt[]): Attempt | undefined {
  return attempts.find(({ breach }) => breach) ?? attempts[0];
}
