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
  "GET /v1/checkout/sessions": ({ stripe, customer }) =>
    stripe.checkout.sessions.list({ customer: customer.id, status: "open" }),
};
