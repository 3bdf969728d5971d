/** One call by the SDK for each endpoint around a subscription: its changes, discounts and usage. */
import type { Stripe } from "stripe";

import { idOf } from "../../dev/stripe/store.ts";
import type { Call, World } from "./stripe_calls.ts";
import { makeCardholder } from "./stripe_support.ts";

const START = Date.UTC(2030, 0, 1) / 1000;

/** A subscription that is paid, with a card to go on with. */
async function paid({ stripe, price }: World, method?: string): Promise<Stripe.Subscription> {
  const customer = await makeCardholder(stripe, method);
  const items = [{ price: price.id }];
  return stripe.subscriptions.create({ customer: customer.id, items });
}

async function chargeOf(world: World, method?: string): Promise<Stripe.Charge> {
  const { customer } = await paid(world, method);
  const { data } = await world.stripe.charges.list({ customer: idOf(customer) });
  if (data[0] === undefined) throw new Error("no charge");
  return data[0];
}

async function disputeOf(world: World): Promise<string> {
  const { id } = await chargeOf(world, "pm_card_createDispute");
  const { data } = await world.stripe.disputes.list({ charge: id });
  return data[0]?.id ?? "";
}

const refundOf = async (world: World) =>
  world.stripe.refunds.create({ charge: (await chargeOf(world)).id, amount: 100 });
const couponOf = ({ stripe }: World) =>
  stripe.coupons.create({ percent_off: 12.5, duration: "repeating", duration_in_months: 3 });
const clockOf = ({ stripe }: World) =>
  stripe.testHelpers.testClocks.create({ frozen_time: START, name: "Test" });
const setupOf = ({ stripe, customer }: World) =>
  stripe.setupIntents.create({ customer: customer.id, usage: "off_session" });

async function codeOf(world: World): Promise<Stripe.PromotionCode> {
  const { id } = await couponOf(world);
  return world.stripe.promotionCodes.create({
    promotion: { type: "coupon", coupon: id },
    restrictions: { first_time_transaction: true },
  });
}

let made = 0;

function featureOf({ stripe }: World): Promise<Stripe.Entitlements.Feature> {
  made += 1;
  return stripe.entitlements.features.create({ lookup_key: `feature_${made}`, name: "Feature" });
}

async function linkOf(world: World): Promise<Stripe.ProductFeature> {
  const { id } = await featureOf(world);
  return world.stripe.products.createFeature(world.product.id, { entitlement_feature: id });
}

function meterOf({ stripe }: World): Promise<Stripe.Billing.Meter> {
  made += 1;
  return stripe.billing.meters.create({
    display_name: "Calls",
    event_name: `calls_${made}`,
    default_aggregation: { formula: "sum" },
    customer_mapping: { event_payload_key: "stripe_customer_id", type: "by_id" },
    event_time_window: "hour",
  });
}

async function withFeature(world: World): Promise<Stripe.Subscription> {
  await linkOf(world);
  return paid(world);
}

async function changed(world: World): Promise<Stripe.Subscription> {
  const { id, items } = await paid(world);
  return world.stripe.subscriptions.update(id, {
    items: [{ id: items.data[0]?.id ?? "", quantity: 2 }],
  });
}

/** By method and path, as in routes.ts. */
export const BILLING_CALLS: Record<string, Call> = {
  "GET /v1/entitlements/active_entitlements/:id": async (world) => {
    const { activeEntitlements } = world.stripe.entitlements;
    const { customer } = await withFeature(world);
    const { data } = await activeEntitlements.list({ customer: idOf(customer) });
    return activeEntitlements.retrieve(data[0]?.id ?? "", { expand: ["feature"] });
  },
  "GET /v1/charges": ({ stripe, customer }) => stripe.charges.list({ customer: customer.id }),
  "GET /v1/charges/:id": async (world) =>
    world.stripe.charges.retrieve((await chargeOf(world)).id, { expand: ["customer"] }),
  "POST /v1/charges/:id": async (world) =>
    world.stripe.charges.update((await chargeOf(world)).id, { metadata: { a: "b" } }),
  "POST /v1/coupons": couponOf,
  "GET /v1/coupons": ({ stripe }) => stripe.coupons.list({ limit: 3 }),
  "GET /v1/coupons/:id": async (world) => world.stripe.coupons.retrieve((await couponOf(world)).id),
  "POST /v1/coupons/:id": async (world) =>
    world.stripe.coupons.update((await couponOf(world)).id, { name: "Spring" }),
  "DELETE /v1/coupons/:id": async (world) => world.stripe.coupons.del((await couponOf(world)).id),
  "POST /v1/promotion_codes": codeOf,
  "GET /v1/promotion_codes": ({ stripe }) => stripe.promotionCodes.list({ active: true }),
  "GET /v1/promotion_codes/:id": async (world) =>
    world.stripe.promotionCodes.retrieve((await codeOf(world)).id, {
      expand: ["promotion.coupon"],
    }),
  "POST /v1/promotion_codes/:id": async (world) =>
    world.stripe.promotionCodes.update((await codeOf(world)).id, { active: false }),
  "GET /v1/radar/early_fraud_warnings": ({ stripe }) =>
    stripe.radar.earlyFraudWarnings.list({ limit: 3 }),
  "GET /v1/radar/early_fraud_warnings/:id": async (world) => {
    const { id } = await chargeOf(world);
    await world.control(`charges/${id}/early_fraud_warning`);
    const { data } = await world.stripe.radar.earlyFraudWarnings.list({ charge: id });
    return world.stripe.radar.earlyFraudWarnings.retrieve(data[0]?.id ?? "", {
      expand: ["charge"],
    });
  },
  "GET /v1/disputes": ({ stripe }) => stripe.disputes.list({ limit: 3 }),
  "GET /v1/disputes/:id": async (world) =>
    world.stripe.disputes.retrieve(await disputeOf(world), { expand: ["charge"] }),
  "POST /v1/disputes/:id": async (world) =>
    world.stripe.disputes.update(await disputeOf(world), {
      evidence: { uncategorized_text: "winning_evidence" },
      submit: true,
    }),
  "POST /v1/disputes/:id/close": async (world) =>
    world.stripe.disputes.close(await disputeOf(world)),
  "POST /v1/entitlements/features": featureOf,
  "GET /v1/entitlements/features": ({ stripe }) => stripe.entitlements.features.list({ limit: 3 }),
  "GET /v1/entitlements/features/:id": async (world) =>
    world.stripe.entitlements.features.retrieve((await featureOf(world)).id),
  "POST /v1/entitlements/features/:id": async (world) =>
    world.stripe.entitlements.features.update((await featureOf(world)).id, { active: false }),
  "POST /v1/products/:id/features": linkOf,
  "GET /v1/products/:id/features": ({ stripe, product }) =>
    stripe.products.listFeatures(product.id),
  "GET /v1/products/:product/features/:id": async (world) =>
    world.stripe.products.retrieveFeature(world.product.id, (await linkOf(world)).id),
  "DELETE /v1/products/:product/features/:id": async (world) =>
    world.stripe.products.deleteFeature(world.product.id, (await linkOf(world)).id),
  "POST /v1/billing/meters": meterOf,
  "GET /v1/billing/meters": ({ stripe }) => stripe.billing.meters.list({ status: "active" }),
  "GET /v1/billing/meters/:id": async (world) =>
    world.stripe.billing.meters.retrieve((await meterOf(world)).id),
  "POST /v1/billing/meters/:id": async (world) =>
    world.stripe.billing.meters.update((await meterOf(world)).id, { display_name: "All" }),
  "POST /v1/billing/meters/:id/deactivate": async (world) =>
    world.stripe.billing.meters.deactivate((await meterOf(world)).id),
  "POST /v1/billing/meters/:id/reactivate": async (world) => {
    const { id } = await meterOf(world);
    await world.stripe.billing.meters.deactivate(id);
    return world.stripe.billing.meters.reactivate(id);
  },
  "GET /v1/billing/meters/:id/event_summaries": async (world) =>
    world.stripe.billing.meters.listEventSummaries((await meterOf(world)).id, {
      customer: world.customer.id,
      start_time: START,
      end_time: START + 3600,
    }),
  "POST /v1/billing/meter_events": async (world) =>
    world.stripe.billing.meterEvents.create({
      event_name: (await meterOf(world)).event_name,
      payload: { stripe_customer_id: world.customer.id, value: "5" },
    }),
  "POST /v1/invoices/create_preview": async (world) =>
    world.stripe.invoices.createPreview({
      subscription: (await paid(world)).id,
      subscription_details: { proration_behavior: "none", cancel_at: "" },
    }),
  "GET /v1/invoiceitems": ({ stripe }) => stripe.invoiceItems.list({ pending: true }),
  "GET /v1/invoiceitems/:id": async (world) => {
    const { customer } = await changed(world);
    const { data } = await world.stripe.invoiceItems.list({ customer: idOf(customer) });
    return world.stripe.invoiceItems.retrieve(data[0]?.id ?? "");
  },
  "POST /v1/refunds": refundOf,
  "GET /v1/refunds": ({ stripe }) => stripe.refunds.list({ limit: 3 }),
  "GET /v1/refunds/:id": async (world) =>
    world.stripe.refunds.retrieve((await refundOf(world)).id, { expand: ["charge"] }),
  "POST /v1/refunds/:id": async (world) =>
    world.stripe.refunds.update((await refundOf(world)).id, { metadata: { a: "b" } }),
  "POST /v1/setup_intents": setupOf,
  "GET /v1/setup_intents": ({ stripe, customer }) =>
    stripe.setupIntents.list({ customer: customer.id }),
  "GET /v1/setup_intents/:id": async (world) =>
    world.stripe.setupIntents.retrieve((await setupOf(world)).id, { expand: ["customer"] }),
  "POST /v1/setup_intents/:id/confirm": async (world) =>
    world.stripe.setupIntents.confirm((await setupOf(world)).id, {
      payment_method: "pm_card_visa",
    }),
  "POST /v1/setup_intents/:id/cancel": async (world) =>
    world.stripe.setupIntents.cancel((await setupOf(world)).id, {
      cancellation_reason: "requested_by_customer",
    }),
  "POST /v1/subscriptions/:id/pause": async (world) =>
    world.stripe.subscriptions.pause((await paid(world)).id, {
      bill_for: { unused_time_from: { type: "now" } },
      invoicing_behavior: "pending_invoice_item",
      type: "subscription",
    }),
  "POST /v1/subscriptions/:id/resume": async (world) => {
    const { id } = await paid(world);
    await world.stripe.subscriptions.pause(id);
    return world.stripe.subscriptions.resume(id, {
      billing_cycle_anchor: { type: "unchanged" },
      payment_behavior: "resume_on_payment_success",
      proration_behavior: "always_invoice",
    });
  },
  "DELETE /v1/subscriptions/:id/discount": async (world) => {
    const { id } = await paid(world);
    const discounts = [{ coupon: (await couponOf(world)).id }];
    await world.stripe.subscriptions.update(id, { discounts });
    return world.stripe.subscriptions.deleteDiscount(id);
  },
  "POST /v1/test_helpers/test_clocks": clockOf,
  "GET /v1/test_helpers/test_clocks": ({ stripe }) =>
    stripe.testHelpers.testClocks.list({ limit: 3 }),
  "GET /v1/test_helpers/test_clocks/:id": async (world) =>
    world.stripe.testHelpers.testClocks.retrieve((await clockOf(world)).id),
  "POST /v1/test_helpers/test_clocks/:id/advance": async (world) =>
    world.stripe.testHelpers.testClocks.advance((await clockOf(world)).id, {
      frozen_time: START + 3600,
    }),
  "DELETE /v1/test_helpers/test_clocks/:id": async (world) =>
    world.stripe.testHelpers.testClocks.del((await clockOf(world)).id),
};
