/** Holds what the emulators of a test file are asked and say to the contract. */
import { inject } from "vitest";

import type { Observer } from "../../../dev/stripe/observer.ts";
import { isRecord } from "../../../dev/stripe/params.ts";
import { endpointKey, openContract, type StripeContract } from "./contract.ts";
import { tally as tallyOfFile, type Tally } from "./tally.ts";

const ROWHOUSE = "Rowhouse";

/** To be handed to every emulator that a test starts. */
export const recorder = makeRecorder(tallyOfFile);

/** An observer that counts what it sees and reports what is wrong with it. */
export function makeRecorder(tally: Tally): Observer {
  let opened: StripeContract | undefined;

  function contract(): StripeContract {
    opened ??= openContract(inject("stripeContract").schemas);
    return opened;
  }

  function report(where: string, verdict: string | undefined): void {
    if (verdict !== undefined) tally.report(`${where} ${verdict}`);
  }

  return {
    answered({ route, params, client, status, body }) {
      const key = endpointKey(route.method, route.path);
      if (!contract().endpoints.has(key)) {
        tally.report(`The emulator answers ${key}, which the SDK never calls`);
        return;
      }
      tally.count("responses", key);
      report(`${key} answered ${status}:`, contract().response(key, status, JSON.parse(body)));
      // Rowhouse must never ask what Stripe would refuse; nor may the emulator let others do so.
      const isOurs = client.includes(ROWHOUSE);
      if (isOurs) tally.count("requests", key);
      if (isOurs || status < 300) report(`${key} was asked:`, contract().request(key, params));
      if (isOurs) report(`${key} was asked:`, addedItem(key, params));
    },
    published(event) {
      tally.count("events", event.type);
      report(`The event ${event.type}:`, contract().event(JSON.parse(JSON.stringify(event))));
    },
  };
}

/** Stripe takes an item without an id for one more, where ours are always the one that is there. */
function addedItem(key: string, params: unknown): string | undefined {
  if (key !== "POST /v1/subscriptions/:" || !isRecord(params)) return undefined;
  const { items = [] } = params;
  if (!Array.isArray(items)) return undefined;
  const added = items.some((item) => !isRecord(item) || item["id"] === undefined);
  return added ? "an item without its id" : undefined;
}
