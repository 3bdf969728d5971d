/** What an attack came to, in numbers. */
import type { Attempt, Layer, Outcome } from "../attempt.ts";

export type Counts = Record<Outcome | "breach", number>;

export type Summary = {
  startedAt: string;
  seconds: number;
  /** What was attacked, without its passwords. */
  database: string;
  server: string;
  /** Draws the same numbers again: --seed. Which request gets which is a matter of time. */
  seed: number;
  attempts: number;
  breaches: number;
  vacuous: number;
  layers: Partial<Record<Layer, Counts>>;
};

/** Everything that a report says. */
export type Report = { summary: Summary; attempts: readonly Attempt[] };

/** Counts the attempts of each layer. */
export function reportOf(
  about: Pick<Summary, "startedAt" | "seconds" | "database" | "server" | "seed">,
  attempts: readonly Attempt[],
): Report {
  const layers: Partial<Record<Layer, Counts>> = {};
  for (const attempt of attempts) {
    const counts = (layers[attempt.layer] ??= noCounts());
    counts[standingOf(attempt)] += 1;
  }
  const count = (standing: keyof Counts) =>
    attempts.filter((attempt) => standingOf(attempt) === standing).length;
  return {
    summary: {
      ...about,
      attempts: attempts.length,
      breaches: count("breach"),
      vacuous: count("vacuous"),
      layers,
    },
    attempts,
  };
}

/** How an attempt is counted and coloured: a breach is one, however it came out. */
export function standingOf({ breach, outcome }: Attempt): keyof Counts {
  return breach ? "breach" : outcome;
}

/** The order in which outcomes matter to whoever reads: the worst first. */
export const STANDINGS = [
  "breach",
  "vacuous",
  "allowed",
  "own rows only",
  "nothing",
  "refused",
] as const satisfies readonly (keyof Counts)[];

/** The summary as a table for a terminal. */
export function tableOf({ layers, attempts, breaches, vacuous }: Summary): string {
  const head = ["", "attempts", ...STANDINGS];
  const rows = Object.entries(layers).map(([layer, counts]) => [
    layer,
    String(STANDINGS.reduce((sum, standing) => sum + counts[standing], 0)),
    ...STANDINGS.map((standing) => String(counts[standing])),
  ]);
  const widths = head.map((title, n) =>
    Math.max(title.length, ...rows.map((row) => row[n]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)))
      .join("  ");
  const verdict =
    breaches > 0
      ? `${breaches} of ${attempts} attempts got through.`
      : vacuous > 0
        ? `Nothing got through, but ${vacuous} of ${attempts} attempts proved nothing.`
        : `Nothing got through, in ${attempts} attempts.`;
  return [line(head), ...rows.map(line), "", verdict].join("\n");
}

function noCounts(): Counts {
  return { refused: 0, nothing: 0, "own rows only": 0, allowed: 0, vacuous: 0, breach: 0 };
}
