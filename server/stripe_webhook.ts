/**
 * POST /webhooks/stripe. Verify, keep, book, answer: nothing is decided here. The body is raw bytes
 * until its signature is known to be good.
 */
import type { IncomingMessage } from "node:http";

import pg from "pg";
import readBody from "raw-body";

import type { ShortRoute } from "./ahead_of_express.ts";
import { Refusal } from "./errors.ts";
import { makeGatherer } from "./gather.ts";
import { hintOf, type StripeEventHint } from "./stripe_event_hint.ts";
import { keepEvents, type OurStripe, type ReceivedEvent } from "./stripe_inbox.ts";
import { requireSignature } from "./stripe_signature.ts";
import { makeWaker } from "./worker_wake.ts";

/** Events are some kilobytes; an invoice of many lines is the largest there is. */
const BODY_LIMIT = 1024 * 1024;

export type StripeWebhookOptions = {
  pool: pg.Pool;
  secrets: readonly string[];
  ours: OurStripe;
};

export function stripeWebhook({ pool, secrets, ours }: StripeWebhookOptions): ShortRoute {
  const wake = makeWaker(pool);
  const keep = makeGatherer({ together: keepAndWake, sizeOf, mayBeOnesFault });

  async function keepAndWake(events: readonly ReceivedEvent[]): Promise<string[]> {
    const statuses = await keepEvents(pool, events, ours);
    wake(statuses.filter((status) => status === "pending").length);
    return statuses;
  }

  return async function receive(request, response) {
    const body = await bodyOf(request);
    const signatures = request.headersDistinct["stripe-signature"] ?? [];
    requireSignature({ body, signatures, secrets });

    const payload = body.toString("utf8");
    const status = await keep({ hint: hintIn(payload), payload });
    const answer = JSON.stringify({ received: true, status });
    const headers = { "content-type": "application/json", "content-length": answer.length };
    response.writeHead(200, headers).end(answer);
  };
}

/** As it was sent and signed, whatever type it is said to be; the signature says what it is. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const { headers } = request;
  const { "content-encoding": encoding = "identity", "content-length": length = null } = headers;
  try {
    if (encoding !== "identity") throw new UnsupportedEncoding();
    return await readBody(request, { length, limit: BODY_LIMIT });
  } catch (error) {
    // Whatever else comes is thrown away, so that the connection can be used again.
    request.resume();
    throw error;
  }
}

class UnsupportedEncoding extends Error {
  readonly statusCode = 415;
  override readonly message = "The body must not be compressed";
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
