import Stripe from "stripe";

import type { StripeConfig } from "../server/config.ts";

/** Long enough for Stripe's slowest calls, short enough for a task to be tried again. */
const TIMEOUT_MS = 20_000;

/**
 * The SDK retries a call once; the job queue does the long retries, under idempotency keys that are
 * stored with the intent and so survive the process.
 */
export function makeStripe({ secretKey, apiBase }: Pick<StripeConfig, "secretKey" | "apiBase">) {
  return new Stripe(secretKey, {
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 1,
    telemetry: false,
    appInfo: { name: "Rowhouse" },
    ...(apiBase === undefined ? {} : addressOf(apiBase)),
  });
}

function addressOf(base: URL) {
  const protocol = base.protocol === "http:" ? ("http" as const) : ("https" as const);
  const port = base.port === "" ? { http: 80, https: 443 }[protocol] : Number(base.port);
  return { protocol, host: base.hostname, port };
}

/** Whether Stripe may have done what was asked although the call failed: any 5xx. */
export function isInDoubt(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && (error.statusCode ?? 0) >= 500;
}

/** Whether the object asked for does not exist (any more). */
export function isMissing(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === "resource_missing";
}

/**
 * Whether Stripe understood, and said no: the same words under the same key are refused for ever.
 * 401 and 403 are the account's to mend, 409 and 429 pass.
 */
export function isRefused(error: unknown): error is Stripe.errors.StripeError {
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  return [400, 402, 404].includes(error.statusCode ?? 0);
}
