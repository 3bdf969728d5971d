/**
 * Where a process may die: before what it sends reaches the other side, and after it was done there
 * but before the answer is back. Nobody lists these places: proxies on the way to PostgreSQL and to
 * Stripe see them, so a statement that is added tomorrow is one of them.
 */

/** A statement or a call, and which of its name it is in this run. */
export type Boundary = { label: string; nth: number };
export type Side = "before" | "after";
export type Failpoint = Boundary & { side: Side };

/** What a proxy does with what is about to pass. */
export type Verdict = "pass" | "die before" | "die after";

export type Failpoints = {
  /** Told of each statement and call by the proxies. */
  reached(label: string): Verdict;
  /** Told by a proxy when the work was done and nothing was answered, or nothing was sent. */
  die(): void;
  /** Whether anything may still pass. */
  readonly isDead: boolean;
  /** What was reached, in this order. */
  readonly seen: readonly Boundary[];
};

/** Watches a process and ends it at `target`, if there is one. */
export function makeFailpoints(target: Failpoint | undefined, kill: () => void): Failpoints {
  const seen: Boundary[] = [];
  let isDead = false;
  return {
    seen,
    get isDead() {
      return isDead;
    },
    reached(label) {
      const nth = seen.filter((each) => each.label === label).length + 1;
      seen.push({ label, nth });
      if (target?.label !== label || target.nth !== nth) return "pass";
      return target.side === "before" ? "die before" : "die after";
    },
    die() {
      if (isDead) return;
      isDead = true;
      kill();
    },
  };
}

/** Every way to die at these places. A job is only taken once it was handed out: nothing before. */
export function failpointsOf(seen: readonly Boundary[]): Failpoint[] {
  return seen.flatMap((boundary) =>
    boundary.label === TAKES_A_JOB
      ? [{ ...boundary, side: "after" as const }]
      : [
          { ...boundary, side: "before" as const },
          { ...boundary, side: "after" as const },
        ],
  );
}

/**
 * About so many of them, spread over the way, and each thing made at Stripe of which nobody was
 * told. The others are the long run's.
 */
export function sampleOf(failpoints: readonly Failpoint[], size: number): Failpoint[] {
  const every = Math.max(1, Math.round(failpoints.length / size));
  return failpoints.filter(
    ({ label, side }, index) =>
      index % every === every - 1 || (side === "after" && label.startsWith("POST ")),
  );
}

/** graphile-worker asking for a job and getting one. When it gets none, that is no boundary. */
export const TAKES_A_JOB = "takes a job";

/** A statement as one short line: what it is called in the list of boundaries. */
export function labelOf(sql: string): string {
  if (/skip locked/i.test(sql)) return TAKES_A_JOB;
  const line = sql
    .replaceAll(/\/\*[^]*?\*\/|--.*$/gm, " ")
    .replaceAll(/"|:+[a-z]+(?:\[\])?/g, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .toLowerCase();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

/** A call as it stands in Stripe's documentation. */
export function labelOfCall(method: string, url: string): string {
  const { pathname } = new URL(url, "http://stripe");
  return `${method} ${pathname.replaceAll(/\/[a-z]{2,6}_(?:test_)?[A-Za-z0-9]{14,}/g, "/:id")}`;
}
