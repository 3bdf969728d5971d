import Stripe from "stripe";

import { Refusal } from "./errors.ts";

/** As Stripe's own libraries; they only look backwards, so the future is checked here. */
const TOLERANCE_SECONDS = 300;

export type Signed = {
  body: Buffer;
  /** Every `stripe-signature` of the request: more than one is nobody's custom. */
  signatures: readonly string[];
  secrets: readonly string[];
};

/** Throws a refusal unless any of the secrets signed the body, within five minutes of now. */
export function requireSignature({ body, signatures, secrets }: Signed): void {
  const [signature = "", ...others] = signatures;
  if (others.length > 0 || !isOfNow(signature) || hasEmpty(signature)) throw badSignature();
  if (!secrets.some((secret) => isSignedWith(secret, body, signature))) throw badSignature();
}

/** One time is named, and it is not further ahead than clocks may differ. */
function isOfNow(signature: string): boolean {
  const times = [...signature.matchAll(/(?:^|,)t=([^,]*)/g)].map(([, time = ""]) => time);
  const [time = ""] = times;
  if (times.length !== 1 || !/^\d{1,12}$/.test(time)) return false;
  return Number(time) <= Date.now() / 1000 + TOLERANCE_SECONDS;
}

/** Stripe's library fails on an empty signature, where it should refuse. */
function hasEmpty(signature: string): boolean {
  return signature.split(",").some((part) => /^v1(?:$|=$|==)/.test(part));
}

function isSignedWith(secret: string, body: Buffer, signature: string): boolean {
  try {
    const { signature: scheme } = Stripe.webhooks;
    return scheme?.verifyHeader(body, signature, secret, TOLERANCE_SECONDS) ?? false;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
    throw error;
  }
}

function badSignature(): Refusal {
  return new Refusal(
    "INPUT",
    "The Stripe signature does not match",
    "STRIPE_WEBHOOK_SECRET must hold this endpoint's signing secret.",
  );
}
