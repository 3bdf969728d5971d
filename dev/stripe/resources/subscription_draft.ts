import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { list } from "../pagination.ts";
import * as p from "../params.ts";
import { newId } from "../store.ts";
import { found, future, liveCustomer } from "./shared.ts";
import type { CreateParams } from "./subscription_create.ts";
import { makeItem, subscribable } from "./subscription_items.ts";
import { refuseCrowd } from "./test_clock_members.ts";

const DAY = 86_400;

/** The subscription that the parameters describe, incomplete and not stored yet. */
export function draftSubscription(context: Context, params: CreateParams): Stripe.Subscription {
  const customer = liveCustomer(context.store, params.customer, "customer");
  refuseCrowd(context.store, customer);
  const now = context.clock.now();
  const id = newId("sub");
  const trial = trialEnd(context, params);
  const items = params.items.map((given, index) => {
    const price = subscribable(context, given.price, `items[${index}][price]`);
    const period = trial === null ? { start: now } : { start: now, end: trial };
    return makeItem(context, id, price, given, period);
  });
  const currency = items[0]?.price.currency;
  if (currency === undefined) throw invalidParameter("items", "Pass at least one item.");
  if (items.some((item) => item.price.currency !== currency)) {
    throw invalidParameter("items", "All prices of a subscription must have the same currency.");
  }
  const method = params.default_payment_method;
  return {
    ...emptySubscription(id, now),
    billing_cycle_anchor: trial ?? now,
    billing_mode: {
      type: params.billing_mode?.type ?? "flexible",
      flexible:
        params.billing_mode?.type === "classic" ? null : { proration_discounts: "included" },
    },
    currency,
    customer: customer.id,
    default_payment_method: method === undefined ? null : ownMethod(context, customer.id, method),
    description: p.textOrNull(params.description),
    items: list(items, false, `/v1/subscription_items?subscription=${id}`),
    metadata: p.mergeMetadata({}, params.metadata),
    payment_settings: {
      payment_method_options: null,
      payment_method_types: params.payment_settings?.payment_method_types ?? null,
      save_default_payment_method: params.payment_settings?.save_default_payment_method ?? "off",
    },
    test_clock: customer.test_clock ?? null,
    trial_end: trial,
    trial_settings: {
      end_behavior: {
        billing_cycle_anchor: "now",
        missing_payment_method:
          params.trial_settings?.end_behavior.missing_payment_method ?? "create_invoice",
      },
    },
    trial_start: trial === null ? null : now,
  };
}

/** A payment method that belongs to the customer, or an error that says which one does not. */
export function ownMethod(context: Context, customer: string, id: string): string {
  const param = "default_payment_method";
  const method = found(context.store.paymentMethods, "PaymentMethod", id, param);
  if (method.customer === customer) return id;
  throw invalidParameter(
    param,
    `The customer does not have a payment method with the ID ${id}. It must be attached first.`,
    "resource_missing",
  );
}

/** When the trial asked for ends; null without one. */
function trialEnd(context: Context, params: CreateParams): number | null {
  const now = context.clock.now();
  if (typeof params.trial_end === "number") return future(params.trial_end, now, "trial_end");
  const days = params.trial_end === "now" ? 0 : (params.trial_period_days ?? 0);
  return days > 0 ? now + days * DAY : null;
}

/** What every new subscription has in common. */
function emptySubscription(id: string, now: number) {
  return {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor_config: null,
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: "charge_automatically",
    created: now,
    customer_account: null,
    days_until_due: null,
    default_source: null,
    default_tax_rates: [],
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: "self" },
    },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: now,
    status: "incomplete",
    transfer_data: null,
  } satisfies Partial<Stripe.Subscription>;
}
