/**
 * What every call to Stripe passes: a budget that all workers share, and a pause while Stripe refuses
 * our key. It wraps the HTTP client below the SDK, so that tasks know nothing of it. A call that may
 * not be made is answered here as Stripe answers one that came too often: 429, nothing done.
 */
import { setTimeout as delay } from "node:timers/promises";

import type pg from "pg";
import type { Logger } from "pino";
import Stripe from "stripe";

import { callOf, type StripeCall } from "./stripe_call.ts";

/** Longer than this no job waits inside; it is tried later instead. */
const MAX_WAIT_MS = 10_000;
/** A database that is slower than this is not waited for. */
const ANSWER_MS = 5_000;
/** How long a job is put off that a pause holds back; resuming fetches it sooner. */
const PAUSED_SECONDS = 60;
/** Calls of one slot are not made at once. */
const SPREAD_MS = 100;

export type StripeGateOptions = {
  pool: Pick<pg.Pool, "query">;
  logger: Logger;
  /** What Stripe allows the account. */
  callsPerSecond: number;
  /** Tells this key from another, and nothing else. */
  keyFingerprint: string;
  /** For how long the database is waited for. */
  answerMs?: number;
};

/** `inner`, behind the gate. */
export function gatedHttpClient(
  inner: Stripe.HttpClient,
  options: StripeGateOptions,
): Stripe.HttpClient {
  return {
    getClientName: () => inner.getClientName(),
    async makeRequest(host, port, path, method, headers, body, protocol, timeout) {
      const call = callOf(method, path, body);
      const refusal = await admit(call, options);
      if (refusal !== undefined) return refusal;
      const answer = await inner.makeRequest(
        host,
        port,
        path,
        method,
        headers,
        body,
        protocol,
        timeout,
      );
      await heed(call, answer, options).catch((error: unknown) => {
        options.logger.error({ err: error }, "could not note what Stripe answered");
      });
      return answer;
    },
  };
}

type Verdict = { verdict: string; wait_ms: number };

/** Waits until the call may be made; an answer means that it may not. */
async function admit(
  call: StripeCall,
  { pool, logger, callsPerSecond, answerMs = ANSWER_MS }: StripeGateOptions,
): Promise<Stripe.HttpClientResponse | undefined> {
  let asked: Verdict | undefined;
  try {
    const asking = pool.query<Verdict>(
      "select * from app_private.ask_stripe_call($1, $2, $3, $4)",
      [call.endpoint, callsPerSecond, call.quantityOf, MAX_WAIT_MS],
    );
    asked = (await within(answerMs, asking)).rows[0];
  } catch (error) {
    logger.warn({ err: error }, "could not ask for a call to Stripe");
  }
  switch (asked?.verdict) {
    case "go":
      if (asked.wait_ms > 0) await delay(asked.wait_ms + Math.random() * SPREAD_MS);
      return undefined;
    case "paused":
      return heldBack(PAUSED_SECONDS, `${PAUSED}. See: npm run alarms -- list`);
    default:
      return heldBack(
        Math.ceil((asked?.wait_ms ?? MAX_WAIT_MS) / 1000),
        "There is no call to Stripe left for now; tried again later",
      );
  }
}

/** Takes from an answer what all workers should know. */
async function heed(
  { method, path, endpoint }: StripeCall,
  answer: Stripe.HttpClientResponse,
  { pool, logger, keyFingerprint }: StripeGateOptions,
): Promise<void> {
  const status = answer.getStatusCode();
  const headers = answer.getHeaders();
  if (status === 401 || status === 403) {
    const { rows } = await pool.query<{ paused: boolean }>(
      "select app_private.pause_stripe($1, $2, $3, $4) as paused",
      [status, method, path, keyFingerprint],
    );
    if (rows[0]?.paused === true) logger.error({ status, endpoint }, "Stripe refuses our key");
  } else if (status === 429 && headers["stripe-should-retry"] !== "true") {
    // Stripe advises to repeat what only met another change of the same object.
    const wholeAccount = String(headers["stripe-rate-limited-reason"] ?? "").startsWith("global");
    await pool.query("select app_private.slow_stripe_down($1, $2, $3)", [
      endpoint,
      wholeAccount,
      retryAfter(headers) ?? 1,
    ]);
    logger.warn({ endpoint, wholeAccount }, "Stripe is asked too often; slowing down");
  }
}

/** An answer of our own to a call that was not made. */
function heldBack(seconds: number, message: string): Stripe.HttpClientResponse {
  return {
    getStatusCode: () => 429,
    getHeaders: () => ({ "stripe-should-retry": "false", "retry-after": String(seconds) }),
    getRawResponse: () => ({}),
    toStream: () => null,
    toJSON: async () => ({ error: { type: "invalid_request_error", code: HELD_BACK, message } }),
  };
}

/** How the errors of jobs begin that wait for the end of a pause; app_private.resume_stripe looks for it. */
export const PAUSED = "Stripe work is paused, because Stripe refused our key";

const HELD_BACK = "rowhouse_held_back";

/** For how many seconds a call was held back, when that is why it failed: it was never made. */
export function heldBackFor(error: unknown): number | undefined {
  if (!(error instanceof Stripe.errors.StripeError) || error.code !== HELD_BACK) return undefined;
  return retryAfter(error.headers ?? {}) ?? PAUSED_SECONDS;
}

/** Whether Stripe refused the key itself, or the key for this. */
export function isKeyRefused(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeError &&
    (error.statusCode === 401 || error.statusCode === 403)
  );
}

function retryAfter(headers: Record<string, unknown>): number | undefined {
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = delay(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`No answer within ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
    // Aborted, or thrown above already; and a late answer of the loser is nobody's.
    late.catch(() => {});
    work.catch(() => {});
  }
}
