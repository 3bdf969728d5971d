import { tooMany } from "./errors.ts";
import type { StripeError } from "./errors.ts";

/** Calls a second, as documented: for all of an account, in live mode or in a sandbox, and for one endpoint. */
const ACCOUNT = { live: 100, sandbox: 25 };
const ENDPOINT = 25;
const WINDOW_MS = 1_000;

/** Which limit is kept; off unless it is asked for. */
export type RateLimitMode = "off" | "live" | "sandbox";

/** Stripe's limits on calls a second. */
export type RateLimits = {
  readonly mode: RateLimitMode;
  set(mode: RateLimitMode): void;
  /** Counts a call, or gives the refusal and what Stripe's header says is the reason. */
  admit(endpoint: string): { error: StripeError; reason: string } | null;
};

/** Limits that are off. Time is the real one: nothing hurries a caller's requests. */
export function makeRateLimits(now: () => number = () => performance.now()): RateLimits {
  let mode: RateLimitMode = "off";
  const taken = new Map<string, number[]>();

  /** The calls of the last second. */
  function recent(name: string, since: number): number[] {
    const times = (taken.get(name) ?? []).filter((time) => time > since);
    taken.set(name, times);
    return times;
  }

  return {
    get mode() {
      return mode;
    },
    set: (wanted) => {
      mode = wanted;
      taken.clear();
    },
    admit: (endpoint) => {
      if (mode === "off") return null;
      const at = now();
      const ofAccount = recent("account", at - WINDOW_MS);
      const ofEndpoint = recent(endpoint, at - WINDOW_MS);
      if (ofAccount.length >= ACCOUNT[mode]) return refusal("global-rate");
      if (ofEndpoint.length >= ENDPOINT) return refusal("endpoint-rate");
      ofAccount.push(at);
      ofEndpoint.push(at);
      return null;
    },
  };
}

function refusal(reason: string): { error: StripeError; reason: string } {
  const message =
    "Request rate limit exceeded. Learn more about rate limits here " +
    "https://stripe.com/docs/rate-limits.";
  return { error: tooMany("rate_limit", message), reason };
}
