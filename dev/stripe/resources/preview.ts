import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { missingParameter, StripeError } from "../errors.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { idOf, newId } from "../store.ts";
import { discountsFor } from "./discounting.ts";
import { discountsField, ownerOf, planDiscounts } from "./discount_plan.ts";
import { periodEntry } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { composeInvoice } from "./invoice_draft.ts";
import { waitingEntries } from "./invoice_items.ts";
import { isRenewable, nextRenewal } from "./periods_of.ts";
import { nextEntries } from "./renewal.ts";
import { found } from "./shared.ts";
import { CHANGE, creditsFor, planChange } from "./subscription_change.ts";
import type { Change } from "./subscription_change.ts";
import { automaticTax } from "./subscription_create.ts";
import { draftSubscription } from "./subscription_draft.ts";
import { cancelAtField } from "./cancellation.ts";

const details = p.shape(
  {},
  {
    ...CHANGE,
    cancel_at: cancelAtField,
    cancel_at_period_end: p.boolean,
    cancel_now: p.boolean,
    trial_end: p.either(p.oneOf("now"), p.integer),
  },
);
const PREVIEW = {
  automatic_tax: automaticTax,
  currency: p.text,
  customer: p.text,
  discounts: discountsField,
  preview_mode: p.oneOf("next"),
  subscription: p.text,
  subscription_details: details,
};
type Preview = p.Optional<typeof PREVIEW>;
type Details = ReturnType<typeof details>;

/** What the next invoice would be if a change were made now; nothing is changed. */
export const previewRoutes = [
  route("POST", "/v1/invoices/create_preview", { optional: PREVIEW }, preview),
];

function preview(context: Context, params: Preview): Stripe.Invoice {
  const wanted = params.subscription_details ?? {};
  const id = newId("upcoming_in");
  if (params.subscription === undefined) return previewNew(context, params, wanted, id);
  const { subscriptions } = context.store;
  const subscription = found(subscriptions, "subscription", params.subscription, "subscription");
  if (!isRenewable(subscription)) throw noneUpcoming(idOf(subscription.customer));
  const discounts =
    params.discounts === undefined
      ? discountsFor(context, subscription)
      : planDiscounts(context, params.discounts, ownerOf(subscription));
  const planned = planChange(context, subscription, wanted, discounts);
  const waiting = waitingEntries(context, subscription);
  if (planned.isInvoicedNow) {
    const entries = [...waiting, ...planned.prorations, ...planned.charges];
    const billed = { entries, discounts, reason: "subscription_update" } as const;
    return composeInvoice(context, subscription, billed, id);
  }
  const rest = restOf(context, subscription, planned, wanted);
  const entries = [...waiting, ...planned.prorations, ...rest];
  if (entries.length === 0) throw noneUpcoming(idOf(subscription.customer));
  const billed = { entries, discounts, reason: "upcoming" } as const;
  const at = wanted.trial_end === "now" ? context.clock.now() : nextRenewal(subscription);
  return {
    ...composeInvoice(context, subscription, billed, id),
    period_start: subscription.items.data[0]?.current_period_start ?? at,
    period_end: at,
    next_payment_attempt: at + 3600,
  };
}

/** What comes after the change: the next periods, or at a cancellation the credit for this one. */
function restOf(
  context: Context,
  subscription: Stripe.Subscription,
  planned: Change,
  wanted: Details,
): Entry[] {
  if (wanted.cancel_now === true) {
    const behavior = wanted.proration_behavior ?? "create_prorations";
    return behavior === "none" ? [] : creditsFor(context, subscription, wanted.proration_date);
  }
  const now = context.clock.now();
  const endsNow = wanted.trial_end === "now" && subscription.status === "trialing";
  const data = planned.items.map((item) => (endsNow ? { ...item, current_period_end: now } : item));
  const after = {
    ...subscription,
    items: { ...subscription.items, data },
    billing_cycle_anchor: endsNow ? now : planned.anchor,
  };
  return isOverBy(after, wanted) ? [] : nextEntries(context, after);
}

/** True if the subscription would end before its next period begins. */
function isOverBy(subscription: Stripe.Subscription, wanted: Details): boolean {
  const atEnd = wanted.cancel_at_period_end ?? subscription.cancel_at_period_end;
  const at = wanted.cancel_at === undefined ? subscription.cancel_at : wanted.cancel_at;
  if (atEnd || at === "min_period_end") return true;
  return typeof at === "number" && at <= nextRenewal(subscription);
}

/** The first invoice of a subscription that does not exist yet. */
function previewNew(
  context: Context,
  params: Preview,
  wanted: Details,
  id: string,
): Stripe.Invoice {
  const { customer } = params;
  if (customer === undefined) throw missingParameter("customer");
  const items = wanted.items ?? [];
  if (items.length === 0) throw noneUpcoming(customer);
  const asNew = items.map((item) => ({ ...item, price: item.price ?? "" }));
  const trial = wanted.trial_end === undefined ? {} : { trial_end: wanted.trial_end };
  const subscription = draftSubscription(context, { customer, items: asNew, ...trial });
  const discounts = planDiscounts(context, params.discounts, ownerOf(subscription));
  const isTrial = subscription.trial_end !== null;
  const entries = subscription.items.data.map((item) => periodEntry(item, isTrial));
  const billed = { entries, discounts, reason: "subscription_create" } as const;
  const invoice = composeInvoice(context, subscription, billed, id);
  const lines = invoice.lines.data.map((line) => ({ ...line, parent: null, subscription: null }));
  return { ...invoice, parent: null, lines: { ...invoice.lines, data: lines } };
}

function noneUpcoming(customer: string): StripeError {
  return new StripeError(404, {
    type: "invalid_request_error",
    code: "invoice_upcoming_none",
    message: `No upcoming invoices for customer: '${customer}'`,
  });
}
