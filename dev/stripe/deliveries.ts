/** What becomes of events: they go out, wait, or are lost. */
export const MODES = ["deliver", "hold", "drop"] as const;
export type Mode = (typeof MODES)[number];

/** One event on its way to one endpoint. */
export type Delivery = {
  id: string;
  event: string;
  type: string;
  endpoint: string;
  state: "pending" | "delivered" | "failed";
  /** These are the emulator's time, in milliseconds: moving its clock moves deliveries, too. */
  createdMs: number;
  nextAttemptMs: number;
  notBeforeMs: number;
  /** Which of all deliveries this is, and where among them it goes out: see chaos.ts. */
  number: number;
  place: number;
  /** The endpoint gets the same event by another delivery, too. */
  isDuplicate?: true;
  /** Oldest first. */
  attempts: Attempt[];
};

/** How a POST ended: `status` is null when there was no answer. */
export type Outcome = { status: number | null; error: string | null; ms: number };

/** One POST, and the emulator's time at which it was made. */
export type Attempt = Outcome & { at: string };

const FIRST_RETRY_MS = 500;
const GIVE_UP_MS = 3 * 24 * 3_600_000;

/** True of an answer that Stripe takes for receipt: any 2xx, and so no redirect. */
export function isAccepted({ status }: Outcome): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** The outcome of an attempt that ended before anything went out. */
export function nothingSent(error: string): Outcome {
  return { ms: 0, status: null, error };
}

/** An outcome, and when it was tried. */
export function attempt(atMs: number, { status, error, ms }: Outcome): Attempt {
  return { at: new Date(atMs).toISOString(), ms, status, error };
}

/** Writes an attempt that ended now into the delivery and works out what comes next. */
export function record(delivery: Delivery, made: Attempt, nowMs: number): void {
  delivery.attempts = [...delivery.attempts, made];
  if (isAccepted(made)) {
    delivery.state = "delivered";
    return;
  }
  const waitMs = waitAfter(delivery.attempts.length);
  if (waitMs === undefined) delivery.state = "failed";
  else delivery.nextAttemptMs = nowMs + waitMs;
}

/**
 * How long after so many failures the next attempt is made: the wait doubles, and the last one ends
 * when all together have taken three days. undefined if that is over.
 */
function waitAfter(attempts: number): number | undefined {
  const wait = FIRST_RETRY_MS * 2 ** (attempts - 1);
  const waited = wait - FIRST_RETRY_MS;
  return waited < GIVE_UP_MS ? Math.min(wait, GIVE_UP_MS - waited) : undefined;
}
