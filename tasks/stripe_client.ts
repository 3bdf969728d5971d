import { createHash } from "node:crypto";

import Stripe from "stripe";

import type { StripeConfig } from "../server/config.ts";
import { gatedHttpClient, type StripeGateOptions } from "./stripe_gate.ts";

/** Long enough for Stripe's slowest calls, short enough for a task to be tried again. */
const TIMEOUT_MS = 20_000;

/** What Stripe allows an account in a second. */
const CALLS_PER_SECOND = { live: 100, test: 25 };

/** How Stripe's log names the caller; a probe asks, on purpose, what Rowhouse never would. */
const OUR_NAME = "Rowhouse";
export const PROBE_NAME = "rowhouse-probe";

type Access = Pick<StripeConfig, "secretKey" | "apiBase" | "accountId" | "callsPerSecond">;

/**
 * The SDK retries a call once; the job queue does the long retries, under idempotency keys that are
 * stored with the intent and so survive the process. With `gate`, each call passes it.
 */
export function makeStripe(
  { secretKey, apiBase, accountId, callsPerSecond }: Access,
  gate?: Pick<StripeGateOptions, "pool" | "logger">,
  name = OUR_NAME,
): Stripe {
  return new Stripe(secretKey, {
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 1,
    telemetry: false,
    appInfo: { name },
    ...(accountId === undefined ? {} : { stripeContext: accountId }),
    ...(apiBase === undefined ? {} : addressOf(apiBase)),
    ...(gate === undefined
      ? {}
      : {
          httpClient: gatedHttpClient(Stripe.createNodeHttpClient(), {
            ...gate,
            callsPerSecond:
              callsPerSecond ?? CALLS_PER_SECOND[secretKey.includes("_live_") ? "live" : "test"],
            keyFingerprint: fingerprintOf(secretKey),
          }),
        }),
  });
}

/** Tells one key from another; the key can't be found from it. */
export function fingerprintOf(secretKey: string): string {
  return createHash("sha256").update(`rowhouse:${secretKey}`).digest("hex").slice(0, 16);
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
export function isMissing(error: unknown): error is Stripe.errors.StripeError {
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
