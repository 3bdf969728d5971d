/**
 * POST /webhooks/stripe. Verify, keep, book, answer: nothing is decided here. The body is raw bytes
 * until its signature is known to be good.
 */
import type { RequestHandler } from "express";
import type pg from "pg";

import { Refusal } from "./errors.ts";
import { hintOf, type StripeEventHint } from "./stripe_event_hint.ts";
import { keepEvent, type OurStripe } from "./stripe_inbox.ts";
import { requireSignature } from "./stripe_signature.ts";
import { makeWaker } from "./worker_wake.ts";

export type StripeWebhookOptions = {
  pool: pg.Pool;
  secrets: readonly string[];
  ours: OurStripe;
};

export function stripeWebhook({ pool, secrets, ours }: StripeWebhookOptions): RequestHandler {
  const wake = makeWaker(pool);
  return async function receive(request, response) {
    const body: unknown = request.body;
    if (!Buffer.isBuffer(body)) throw new Refusal("INPUT", "The body must be JSON, sent as it is");
    const signatures = request.headersDistinct["stripe-signature"] ?? [];
    requireSignature({ body, signatures, secrets });

    const payload = body.toString("utf8");
    const status = await keepEvent(pool, { hint: hintIn(payload), payload, ours });
    if (status === "pending") wake();
    // In one piece, and without the hash that only a cache would ask for: this is the busiest route.
    response.type("json").end(JSON.stringify({ received: true, status }));
  };
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
