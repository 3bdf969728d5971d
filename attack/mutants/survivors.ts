/**
 * Faults that neither the audit nor the attack notices, and why each is harmless. An entry here is a
 * promise that was thought about; a fault that survives without one makes the mutation tests red,
 * and so does an entry whose faults are noticed by now.
 */
import { nameOf } from "./mutant.ts";
import type { Fate } from "./run.ts";

export type Survivor = { mutant: RegExp; reason: string };

export const SURVIVORS: readonly Survivor[] = [];

/** Why a fault is harmless; undefined when nobody said so. */
export function reasonFor(mutant: Fate["mutant"]): string | undefined {
  return SURVIVORS.find((survivor) => survivor.mutant.test(nameOf(mutant)))?.reason;
}

/** Faults that survived and are not on the list. */
export function unexplained(fates: readonly Fate[]): string[] {
  return fates
    .filter(({ fate, mutant }) => fate === "survived" && reasonFor(mutant) === undefined)
    .map(({ mutant }) => nameOf(mutant));
}

/** Entries of the list that no survivor needs, after all faults were built. */
export function outdated(fates: readonly Fate[]): string[] {
  const survived = fates
    .filter(({ fate }) => fate === "survived")
    .map(({ mutant }) => nameOf(mutant));
  return SURVIVORS.filter(({ mutant }) => !survived.some((name) => mutant.test(name))).map(
    ({ mutant }) => String(mutant),
  );
}
