/** One call by the SDK for each endpoint that leads to a hosted page. */
import type { Stripe } from "stripe";

import type { Call, World } from "./stripe_calls.ts";

const AWAY = "https://shop.test/";

function sessionOf({ stripe, price, customer }: World): Promise<Stripe.Checkout.Session> {
  return stripe.checkout.sessions.create({
    mode: "subscription",
    ui_mode: "hosted_page",
    customer: customer.id,
    client_reference_id: "tenant",
    line_items: [{ price: price.id, quantity: 2 }],
    metadata: { a: "b" },
    subscription_data: { metadata: { tenant: "t" }, trial_period_days: 7 },
    success_url: `${AWAY}?session={CHECKOUT_SESSION_ID}`,
    cancel_url: AWAY,
    expand: ["line_items", "customer"],
  });
}

function configurationOf({ stripe, price, product }: World) {
  return stripe.billingPortal.configurations.create({
    default_return_url: AWAY,
    business_profile: { headline: "Acme" },
    features: {
      invoice_history: { enabled: true },
      subscription_cancel: { enabled: true, mode: "immediately" },
      subscription_update: {
        enabled: true,
        default_allowed_updates: ["price"],
        products: [{ product: product.id, prices: [price.id] }],
        proration_behavior: "always_invoice",
      },
    },
  });
}

/** By method and path, as in routes.ts. */
export const HOSTED_CALLS: Record<string, Call> = {
  "POST /v1/checkout/sessions": sessionOf,
  "GET /v1/checkout/sessions/:id": async (world) =>
    world.stripe.checkout.sessions.retrieve((await sessionOf(world)).id, {
      expand: ["line_items.data.price.product"],
    }),
  "POST /v1/checkout/sessions/:id": async (world) =>
    world.stripe.checkout.sessions.update((await sessionOf(world)).id, { metadata: { c: "d" } }),
  "POST /v1/checkout/sessions/:id/expire": async (world) =>
    world.stripe.checkout.sessions.expire((await sessionOf(world)).id),
  "GET /v1/checkout/sessions/:id/line_items": async (world) =>
    world.stripe.checkout.sessions.listLineItems((await sessionOf(world)).id, { limit: 1 }),
  "POST /v1/billing_portal/sessions": ({ stripe, customer }) =>
    stripe.billingPortal.sessions.create({
      customer: customer.id,
      return_url: AWAY,
      expand: ["configuration"],
    }),
  "POST /v1/billing_portal/configurations": configurationOf,
  "GET /v1/billing_portal/configurations/:id": async (world) =>
    world.stripe.billingPortal.configurations.retrieve((await configurationOf(world)).id),
  "POST /v1/billing_portal/configurations/:id": async (world) =>
    world.stripe.billingPortal.configurations.update((await configurationOf(world)).id, {
      active: false,
      features: { payment_method_update: { enabled: true } },
    }),
  "GET /v1/billing_portal/configurations": ({ stripe }) =>
    stripe.billingPortal.configurations.list({ is_default: true }),
  "GET /v1/checkout/sessions": ({ stripe, customer }) =>
    stripe.checkout.sessions.list({ customer: customer.id, status: "open" }),
};
