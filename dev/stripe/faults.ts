import { serverError, tooMany } from "./errors.ts";
import { keyInUse } from "./idempotency.ts";
import * as p from "./params.ts";
import type { Reach } from "./sending.ts";

/** The ways in which a call can be told to fail; see control.ts for what each means. */
export const FAULT_KINDS = [
  "402",
  "409",
  "429",
  "429_lock_timeout",
  "500_before",
  "500_after",
  "reset_after",
  "truncated",
  "slow",
] as const;

/** A failure that waits for the `nth` call that matches it. */
export type Fault = {
  method?: string;
  path?: string;
  nth: number;
  kind: (typeof FAULT_KINDS)[number];
  ms: number;
};

const MAX_NTH = 1_000_000;
const MAX_SLOWNESS_MS = 60_000;

const given = p.shape(
  { kind: p.oneOf(...FAULT_KINDS) },
  { method: p.text, path: p.text, nth: p.bounded(1, MAX_NTH), ms: p.bounded(0, MAX_SLOWNESS_MS) },
);

/** A failure as `POST /_emulator/faults` takes it; it strikes the next call unless it says otherwise. */
export function faultFrom(raw: unknown, at = ""): Fault {
  return { nth: 1, ms: 0, ...given(raw, at) };
}

/** The failures planned; each strikes once. */
export type Faults = {
  plan(fault: Fault): void;
  /** Counts a call against every plan and returns the one that strikes now, if any. */
  strike(method: string, path: string): Fault | null;
  planned(): readonly Fault[];
  /** Takes the plan back to how it was at the start. */
  reset(): void;
};

/** Makes a list of planned failures that begins with these. */
export function makeFaults(atStart: readonly Fault[] = []): Faults {
  const fresh = () => atStart.map((fault) => ({ ...fault }));
  let faults: Fault[] = fresh();
  return {
    plan: (fault) => void faults.push({ ...fault }),
    planned: () => faults,
    reset: () => {
      faults = fresh();
    },
    strike: (method, path) => {
      const matching = faults.filter(
        (fault) =>
          (fault.method ?? method).toUpperCase() === method && path.startsWith(fault.path ?? ""),
      );
      for (const fault of matching) fault.nth -= 1;
      const struck = matching.find((fault) => fault.nth <= 0) ?? null;
      faults = faults.filter((fault) => fault !== struck);
      return struck;
    },
  };
}

/** Throws what a fault answers instead of doing the work, if it is one of those. */
export function refuse(fault: Fault | null, key: string): void {
  switch (fault?.kind) {
    case "409":
      throw keyInUse(key);
    case "429":
      throw tooMany("rate_limit", "Request rate limit exceeded.");
    case "429_lock_timeout":
      throw tooMany(
        "lock_timeout",
        "This object cannot be accessed right now because another API request or Stripe process " +
          "is currently accessing it.",
      );
    case "500_before":
      throw serverError(false);
    case "402":
    case "500_after":
    case "reset_after":
    case "truncated":
    case "slow":
    case undefined:
  }
}

/** How much of the answer a fault lets through. */
export function reachUnder(fault: Fault | null): Reach {
  if (fault?.kind === "reset_after") return "none";
  return fault?.kind === "truncated" ? "half" : "whole";
}
