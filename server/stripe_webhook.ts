/**
 * POST /webhooks/stripe. Verify, keep, book, answer: nothing is decided here. The body is raw bytes
 * until its signature is known to be good.
 */
import type { RequestHandler } from "express";
import type pg from "pg";

import { Refusal } from "./errors.ts";
import { hintOf, type StripeEventHint } from "./stripe_event_hint.ts";
import { requireSignature } from "./stripe_signature.ts";

export type StripeWebhookOptions = {
  pool: pg.Pool;
  secrets: readonly string[];
  livemode: boolean;
  /** The account that is ours, where the endpoint hears of several. */
  accountId: string | undefined;
};

export function stripeWebhook(options: StripeWebhookOptions): RequestHandler {
  const { pool, secrets, livemode, accountId } = options;
  return async function receive(request, response) {
    const body: unknown = request.body;
    if (!Buffer.isBuffer(body)) throw new Refusal("INPUT", "The body must be JSON, sent as it is");
    const signatures = request.headersDistinct["stripe-signature"] ?? [];
    requireSignature({ body, signatures, secrets });

    const payload = body.toString("utf8");
    const hint = hintIn(payload);
    // Named, so that each connection prepares it once.
    const { rows } = await pool.query<{ status: string }>({
      name: "receive_stripe_event",
      text: `select app_private.receive_stripe_event(
        $1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9::double precision), $10, $11, $12
      ) as status`,
      values: [
        hint.id,
        hint.type,
        hint.objectType,
        hint.objectId,
        hint.customerId,
        hint.accountId,
        hint.livemode,
        hint.apiVersion,
        hint.created,
        payload,
        accountId ?? null,
        livemode,
      ],
    });
    response.json({ received: true, status: rows[0]?.status });
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
