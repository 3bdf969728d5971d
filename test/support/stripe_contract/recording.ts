/** What the emulators of one test file have been asked and have said, each held to the contract. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { inject } from "vitest";

import type { Observer } from "../../../dev/stripe/observer.ts";
import { endpointKey, openContract, type StripeContract } from "./contract.ts";

/** How often each endpoint answered, was called by Rowhouse itself, and each event was sent. */
export type Counts = Record<"responses" | "requests" | "events", Record<string, number>>;

const ROWHOUSE = "Rowhouse";

const counts: Counts = { responses: {}, requests: {}, events: {} };
let violations: string[] = [];
let contract: StripeContract | undefined;

/** To be handed to every emulator that a test starts. */
export const recorder: Observer = {
  answered({ route, params, client, status, body }) {
    const key = endpointKey(route.method, route.path);
    contract ??= openContract(inject("stripeContract").schemas);
    if (!contract.endpoints.has(key)) {
      violations.push(`The emulator answers ${key}, which the SDK never calls`);
      return;
    }
    count("responses", key);
    report(`${key} answered ${status}:`, contract.response(key, status, JSON.parse(body)));
    // Rowhouse must never ask what Stripe would refuse; nor may the emulator accept it from others.
    const isOurs = client.includes(ROWHOUSE);
    if (isOurs) count("requests", key);
    if (isOurs || status < 300) report(`${key} was asked:`, contract.request(key, params));
  },
  published(event) {
    contract ??= openContract(inject("stripeContract").schemas);
    count("events", event.type);
    report(`The event ${event.type}:`, contract.event(JSON.parse(JSON.stringify(event))));
  },
};

/** What was wrong since the last time this was asked. */
export function takeViolations(): string[] {
  const taken = violations;
  violations = [];
  return taken;
}

/** Leaves the figures where the end of the run adds them up. */
export function saveCounts(name: string): void {
  if (contract === undefined) return;
  writeFileSync(join(inject("stripeContract").counts, `${name}.json`), JSON.stringify(counts));
}

function count(what: keyof Counts, key: string): void {
  counts[what][key] = (counts[what][key] ?? 0) + 1;
}

function report(where: string, verdict: string | undefined): void {
  if (verdict !== undefined) violations.push(`${where} ${verdict}`);
}
