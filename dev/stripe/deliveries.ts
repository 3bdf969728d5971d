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
  /** Real time, in milliseconds: the emulator's clock does not hurry the network. */
  createdMs: number;
  nextAttemptMs: number;
  notBeforeMs: number;
  /** Which of all deliveries this is, and where among them it goes out: see chaos.ts. */
  number: number;
  place: number;
  /** The endpoint gets the same event by another delivery, too. */
  isDuplicate?: true;
  attemptCount: number;
  /** The latest attempts, oldest first. */
  attempts: Attempt[];
};

/** One POST and how it ended: `status` is null when there was no answer. */
export type Attempt = { at: string; status: number | null; error: string | null; ms: number };

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 3_600_000;
const GIVE_UP_MS = 3 * 24 * 3_600_000;
const ATTEMPTS_KEPT = 20;

/** True of an answer that Stripe takes for receipt: any 2xx, and so no redirect. */
export function isAccepted(attempt: Attempt): boolean {
  return attempt.status !== null && attempt.status >= 200 && attempt.status < 300;
}

/** An attempt that ended before anything went out. */
export function nothingSent(error: string, atMs: number = Date.now()): Attempt {
  return { at: new Date(atMs).toISOString(), ms: 0, status: null, error };
}

/** Writes an attempt into the delivery and works out what comes next. */
export function record(delivery: Delivery, attempt: Attempt, nowMs: number): void {
  delivery.attempts = [...delivery.attempts, attempt].slice(-ATTEMPTS_KEPT);
  delivery.attemptCount += 1;
  if (isAccepted(attempt)) {
    delivery.state = "delivered";
    return;
  }
  const wait = Math.min(FIRST_RETRY_MS * 2 ** (delivery.attemptCount - 1), LONGEST_RETRY_MS);
  delivery.nextAttemptMs = nowMs + wait;
  if (delivery.nextAttemptMs > delivery.createdMs + GIVE_UP_MS) delivery.state = "failed";
}
