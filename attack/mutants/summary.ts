/** How many faults were noticed, by what, and which were not. */
import { createHash } from "node:crypto";

import { nameOf, type Mutant } from "./mutant.ts";
import type { Fate } from "./run.ts";
import { reasonFor } from "./survivors.ts";

export type Summary = {
  /** Faults that could be built. */
  built: number;
  byAudit: number;
  byAttack: number;
  /** Survivors and why they are harmless; undefined when nobody said so. */
  survivors: readonly { mutant: string; reason: string | undefined }[];
  /** What the database refuses to have built. */
  impossible: readonly { mutant: string; reason: string }[];
  /** The share noticed, of those that could be built. */
  killRate: number;
  kinds: Readonly<Record<string, { built: number; killed: number }>>;
};

/** Counts the fates. */
export function summarize(fates: readonly Fate[]): Summary {
  const built = fates.filter(({ fate }) => fate !== "impossible");
  const killed = built.filter(({ fate }) => fate === "killed");
  const kinds: Record<string, { built: number; killed: number }> = {};
  for (const { mutant, fate } of built) {
    const count = (kinds[mutant.kind] ??= { built: 0, killed: 0 });
    count.built += 1;
    if (fate === "killed") count.killed += 1;
  }
  const byAudit = killed.filter(({ by }) => by.startsWith("audit")).length;
  return {
    built: built.length,
    byAudit,
    byAttack: killed.length - byAudit,
    survivors: built
      .filter(({ fate }) => fate === "survived")
      .map(({ mutant }) => ({ mutant: nameOf(mutant), reason: reasonFor(mutant) })),
    impossible: fates
      .filter(({ fate }) => fate === "impossible")
      .map(({ mutant, by }) => ({ mutant: nameOf(mutant), reason: by })),
    killRate: built.length === 0 ? 1 : killed.length / built.length,
    kinds,
  };
}

/** The summary as text, for a terminal. */
export function describeSummary(summary: Summary): string {
  const { built, byAudit, byAttack, survivors, killRate, kinds, impossible } = summary;
  const percent = (100 * killRate).toFixed(1);
  return [
    `${built} faults built: ${byAudit} noticed by the audit, ${byAttack} by the attack only, ${survivors.length} by neither (${percent} % noticed).`,
    ...Object.entries(kinds).map(([kind, count]) => `  ${kind}: ${count.killed} of ${count.built}`),
    ...(impossible.length > 0
      ? [`${impossible.length} could not be built: the database refuses them.`]
      : []),
    ...survivors.map(({ mutant, reason }) => `survived: ${mutant}\n  ${reason ?? "NOT EXPLAINED"}`),
  ].join("\n");
}

/** Picks about this share of the faults, always the same ones for a seed. */
export function sampleOf(share: number, seed: string): (mutant: Mutant) => boolean {
  return (mutant) => {
    const digest = createHash("md5").update(seed).update(nameOf(mutant)).digest();
    return digest.readUInt32BE(0) < share * 2 ** 32;
  };
}
