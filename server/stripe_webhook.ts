/**
 * POST /webhooks/stripe. Verify, keep, book, answer: nothing is decided here. The body is raw bytes
 * until its signature is known to be good.
 */
import type { RequestHandler } from "express";
import type pg from "pg";
import Stripe from "stripe";

import { Refusal } from "./errors.ts";

/** As Stripe's own libraries; they only look backwards, so the future is checked below. */
const TOLERANCE_SECONDS = 300;

export type StripeWebhookOptions = {
  pool: pg.Pool;
  secrets: readonly string[];
  livemode: boolean;
};

export function stripeWebhook({ pool, secrets, livemode }: StripeWebhookOptions): RequestHandler {
  return async function receive(request, response) {
    const body: unknown = request.body;
    if (!Buffer.isBuffer(body)) throw new Refusal("INPUT", "The body must be JSON, sent as it is");

    const event = verifiedEvent(body, request.get("stripe-signature") ?? "", secrets);
    const { rows } = await pool.query<{ status: string }>(
      `select app_private.receive_stripe_event(
        $1, $2, $3, $4, $5, $6, to_timestamp($7::double precision), $8
      ) as status`,
      [
        event.id,
        event.type,
        customerOf(event),
        event.livemode,
        livemode,
        event.api_version,
        event.created,
        body.toString("utf8"),
      ],
    );
    response.json({ received: true, status: rows[0]?.status });
  };
}

/** The event, when any of the secrets signed it recently; throws a refusal otherwise. */
function verifiedEvent(body: Buffer, signature: string, secrets: readonly string[]): Stripe.Event {
  const signedAt = Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1]);
  if (!(signedAt <= Date.now() / 1000 + TOLERANCE_SECONDS)) throw badSignature();

  for (const secret of secrets) {
    try {
      return checkedEvent(
        Stripe.webhooks.constructEvent(body, signature, secret, TOLERANCE_SECONDS),
      );
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) continue;
      if (error instanceof Refusal) throw error;
      // Signed, but not an event: a body that isn't JSON, or of a format not subscribed to.
      throw new Refusal("INPUT", "The body is not a Stripe event");
    }
  }
  throw badSignature();
}

function badSignature(): Refusal {
  return new Refusal(
    "INPUT",
    "The Stripe signature does not match",
    "STRIPE_WEBHOOK_SECRET must hold this endpoint's signing secret.",
  );
}

/** Types promise these fields; a body that was signed may still lack them. */
function checkedEvent(event: Stripe.Event): Stripe.Event {
  const isEvent =
    isBoundedText(event.id) &&
    isBoundedText(event.type) &&
    typeof event.livemode === "boolean" &&
    Number.isInteger(event.created) &&
    typeof event.data?.object === "object";
  if (!isEvent) throw new Refusal("INPUT", "The body is not a Stripe event");
  return event;
}

/** The customer whom an event is about; null for those about none. */
function customerOf(event: Stripe.Event): string | null {
  const { object } = event.data;
  if (event.type.startsWith("customer.") && Reflect.get(object, "object") === "customer") {
    return idOf(Reflect.get(object, "id"));
  }
  return idOf(Reflect.get(object, "customer"));
}

function idOf(value: unknown): string | null {
  const id: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, "id") : value;
  return isBoundedText(id) ? id : null;
}

function isBoundedText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 255;
}
