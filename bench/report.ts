import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

import type { Ratio } from "./statistics.ts";

/** One line of the table. */
export type Result = {
  /** The benchmark. */
  name: string;
  case: string;
  /** What ours is compared with. */
  baseline: string;
  unit: string;
  better: "lower" | "higher";
  /** Ours divided by the baseline's, round by round. */
  ratio: Ratio;
  /** Medians over all rounds, for a sense of scale; the ratio is what was measured. */
  ours: number;
  theirs: number;
};

/** What a benchmark found: figures, remarks to print beside them, and plans when asked for. */
export type Outcome = { results: Result[]; notes: string[]; plans: string[] };

export type Report = {
  machine: { cpus: number; node: string; postgres: string };
  commit?: string;
  benchmarks: Result[];
  notes: string[];
  plans?: string[];
};

/** All outcomes together with where they were measured. */
export async function makeReport(
  outcomes: readonly Outcome[],
  postgres: string,
  { plans }: { plans: boolean },
): Promise<Report> {
  const commit = await currentCommit();
  return {
    machine: { cpus: availableParallelism(), node: process.version, postgres },
    ...(commit === undefined ? {} : { commit }),
    benchmarks: outcomes.flatMap(({ results }) => results),
    notes: outcomes.flatMap(({ notes }) => notes),
    ...(plans ? { plans: outcomes.flatMap((outcome) => outcome.plans) } : {}),
  };
}

const COLUMNS = ["benchmark", "case", "ratio", "q1 – q3", "rounds", "ours", "baseline", "unit"];

/** The report as text for a terminal. */
export function formatReport(report: Report): string {
  const { cpus, node, postgres } = report.machine;
  const lines = report.benchmarks.map((result) => [
    result.name,
    result.case,
    result.ratio.median.toFixed(2),
    `${result.ratio.q1.toFixed(2)} – ${result.ratio.q3.toFixed(2)}`,
    String(result.ratio.rounds),
    figure(result.ours),
    figure(result.theirs),
    `${result.unit}, ${result.better} is better`,
  ]);
  const baselines = new Set(
    report.benchmarks.map(({ name, baseline }) => `${name}: ratio to ${baseline}`),
  );
  return [
    `${cpus} CPUs, Node ${node}, PostgreSQL ${postgres}${report.commit ? `, ${report.commit}` : ""}`,
    "",
    ...aligned([COLUMNS, ...lines]),
    "",
    ...baselines,
    ...report.notes,
    ...(report.plans ?? []).flatMap((plan) => ["", plan]),
  ].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function figure(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

async function currentCommit(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("git", ["rev-parse", "--short", "HEAD"], {
      cwd: import.meta.dirname,
      timeout: 2_000,
    });
    return stdout.trim();
  } catch {
    // Not a checkout; then there is nothing to name.
    return undefined;
  }
}
