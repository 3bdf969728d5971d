/**
 * POST /webhooks/stripe. Verify, keep, book, answer: nothing is decided here. The body is raw bytes
 * until its signature is known to be good.
 */
import type { RequestHandler } from "express";
import pg from "pg";

import { Refusal } from "./errors.ts";
import { makeGatherer } from "./gather.ts";
import { hintOf, type StripeEventHint } from "./stripe_event_hint.ts";
import { keepEvents, type OurStripe, type ReceivedEvent } from "./stripe_inbox.ts";
import { requireSignature } from "./stripe_signature.ts";
import { makeWaker } from "./worker_wake.ts";

export type StripeWebhookOptions = {
  pool: pg.Pool;
  secrets: readonly string[];
  ours: OurStripe;
};

export function stripeWebhook({ pool, secrets, ours }: StripeWebhookOptions): RequestHandler {
  const wake = makeWaker(pool);
  const keep = makeGatherer({ together: keepAndWake, sizeOf, mayBeOnesFault });

  async function keepAndWake(events: readonly ReceivedEvent[]): Promise<string[]> {
    const statuses = await keepEvents(pool, events, ours);
    wake(statuses.filter((status) => status === "pending").length);
    return statuses;
  }

  return async function receive(request, response) {
    const body: unknown = request.body;
    if (!Buffer.isBuffer(body)) throw new Refusal("INPUT", "The body must be JSON, sent as it is");
    const signatures = request.headersDistinct["stripe-signature"] ?? [];
    requireSignature({ body, signatures, secrets });

    const payload = body.toString("utf8");
    const status = await keep({ hint: hintIn(payload), payload });
    // In one piece, and without the hash that only a cache would ask for: this is the busiest route.
    response.type("json").end(JSON.stringify({ received: true, status }));
  };
}

function sizeOf({ payload }: ReceivedEvent): number {
  return payload.length;
}

/** Not so when the database goes away, can't take more or is broken: that is every event's failure. */
function mayBeOnesFault(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(?:08|53|57P|58|XX)/.test(error.code ?? "");
}

function hintIn(payload: string): StripeEventHint {
  const hint = hintOf(parsed(payload));
  if (hint === undefined) throw new Refusal("INPUT", "The body is not a Stripe event");
  return hint;
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}
