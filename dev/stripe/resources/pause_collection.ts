import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { change } from "../events.ts";
import * as p from "../params.ts";
import { markUncollectible, markVoid } from "./invoice_states.ts";

/** What becomes of invoices while collection is paused; an empty value ends the pause. */
export const pauseCollectionField = p.emptyable(
  p.shape(
    { behavior: p.oneOf("keep_as_draft", "mark_uncollectible", "void") },
    { resumes_at: p.emptyable(p.integer) },
  ),
);

/** A pause as a subscription shows it. */
export function pauseOf(
  given: ReturnType<typeof pauseCollectionField>,
): Stripe.Subscription.PauseCollection | null {
  return given === null ? null : { behavior: given.behavior, resumes_at: given.resumes_at ?? null };
}

/** Keeps a draft from being finalized by itself, if its subscription is unpaid, or so paused. */
export function holdDraft(subscription: Stripe.Subscription, draft: Stripe.Invoice): void {
  const isKept = subscription.pause_collection?.behavior === "keep_as_draft";
  if (!isKept && subscription.status !== "unpaid") return;
  draft.auto_advance = false;
  draft.automatically_finalizes_at = null;
}

/** Deals with a finalized invoice of a subscription whose collection is paused: true if it is. */
export function writeOff(
  context: Context,
  subscription: Stripe.Subscription | undefined,
  invoice: Stripe.Invoice,
): boolean {
  const behavior = subscription?.pause_collection?.behavior;
  if (behavior === "void") markVoid(context, invoice);
  else if (behavior === "mark_uncollectible") markUncollectible(context, invoice);
  else return false;
  return true;
}

/** The pause ends at the time it was given. Drafts that it kept stay drafts. */
export function resumeCollection(context: Context, subscription: Stripe.Subscription): void {
  change(context, "customer.subscription.updated", subscription, () => {
    subscription.pause_collection = null;
  });
}
