import { StripeError } from "./errors.ts";
import type { Store } from "./store.ts";

/** An answer as it went out: what a replay sends again, byte for byte. */
export type Answer = { status: number; body: string };

/** What was answered under an idempotency key; no answer yet while the first request runs. */
export type SavedAnswer = {
  key: string;
  endpoint: string;
  fingerprint: string;
  requestId: string;
  startedAt: number;
  answer: Answer | null;
};

const KEPT_SECONDS = 24 * 3600;

/** The saved answer to this request, or null, and then the key is taken until `keep` or `drop`. */
export function begin(store: Store, request: Omit<SavedAnswer, "answer">): SavedAnswer | null {
  prune(store, request.startedAt);
  const saved = store.answers.get(request.key);
  if (saved === undefined) {
    store.answers.set(request.key, { ...request, answer: null });
    return null;
  }
  refuseOtherUse(saved, request);
  if (saved.answer === null) throw keyInUse(request.key);
  return saved;
}

/** Keeps the answer for a day. */
export function keep(store: Store, key: string, answer: Answer): void {
  const saved = store.answers.get(key);
  if (saved !== undefined) saved.answer = answer;
}

/** Forgets the key: the request never got as far as doing anything. */
export function drop(store: Store, key: string): void {
  store.answers.delete(key);
}

/** What a request meets while another with its key is at work. */
export function keyInUse(key: string): StripeError {
  return new StripeError(409, {
    type: "idempotency_error",
    code: "idempotency_key_in_use",
    message:
      "There is currently another in-progress request using this Idempotent Key (that probably " +
      `means you submitted twice, and the other request is still going through): ${key}. ` +
      "Please try again later.",
  });
}

function refuseOtherUse(saved: SavedAnswer, request: Omit<SavedAnswer, "answer">): void {
  const hint = `Try using a key other than '${request.key}' if you meant to execute a different request.`;
  if (saved.endpoint !== request.endpoint) {
    throw mismatch(
      "Keys for idempotent requests can only be used for the same endpoint they were first used " +
        `for ('${request.endpoint}' vs '${saved.endpoint}'). ${hint}`,
    );
  }
  if (saved.fingerprint !== request.fingerprint) {
    throw mismatch(
      "Keys for idempotent requests can only be used with the same parameters they were first " +
        `used with. ${hint}`,
    );
  }
}

function mismatch(message: string): StripeError {
  return new StripeError(400, { type: "idempotency_error", message });
}

/** Keys are kept in the order of their first use, so the old ones come first. */
function prune(store: Store, now: number): void {
  for (const saved of store.answers.values()) {
    if (saved.startedAt > now - KEPT_SECONDS) return;
    store.answers.delete(saved.key);
  }
}
