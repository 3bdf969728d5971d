/** What is reported of a comparison: never one run, always the middle of many pairs. */
export type Ratio = { median: number; q1: number; q3: number; rounds: number };

/** The ratio ours/theirs of each round, then the quartiles of those. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): Ratio {
  if (ours.length !== theirs.length || ours.length === 0) {
    throw new Error(
      `Rounds must come in pairs: ${ours.length} of ours, ${theirs.length} of theirs`,
    );
  }
  const ratios = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
  return {
    median: quantile(ratios, 0.5),
    q1: quantile(ratios, 0.25),
    q3: quantile(ratios, 0.75),
    rounds: ratios.length,
  };
}

/** The value that `fraction` of the others do not exceed, between neighbours if it must be. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(values).toSorted();
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error("There is nothing to measure");
  return below + (above - below) * (position - Math.floor(position));
}

/** Runs each round of two sides one after the other, and lets neither always go first. */
export async function interleave<T>(
  rounds: number,
  ours: () => Promise<T>,
  theirs: () => Promise<T>,
): Promise<{ ours: T[]; theirs: T[] }> {
  const measured = { ours: [] as T[], theirs: [] as T[] };
  for (let round = 0; round < rounds; round += 1) {
    const oursFirst = round % 2 === 0;
    if (oursFirst) measured.ours.push(await ours());
    measured.theirs.push(await theirs());
    if (!oursFirst) measured.ours.push(await ours());
  }
  return measured;
}
