import type Stripe from "stripe";

import { keyOf, type BillingResult, type BillingWork } from "./request.ts";
import { aliveSubscription } from "./subscription.ts";

/** A page to manage cards, invoices and the subscription on. What is done there comes by webhook. */
export async function portal(work: BillingWork): Promise<BillingResult> {
  const { stripe, request, customerId } = work;
  const flow = await flowOf(work);
  const { url } = await stripe.billingPortal.sessions.create(
    {
      customer: customerId,
      return_url: request.return_url ?? "",
      ...(flow === undefined ? {} : { flow_data: flow }),
    },
    keyOf(request, "portal"),
  );
  return { url };
}

async function flowOf(
  work: BillingWork,
): Promise<Stripe.BillingPortal.SessionCreateParams.FlowData | undefined> {
  const { flow } = work.request;
  if (flow === null) return undefined;
  if (flow === "payment_method_update") return { type: flow };
  const { id: subscription } = await aliveSubscription(work);
  return flow === "subscription_cancel"
    ? { type: flow, subscription_cancel: { subscription } }
    : { type: flow, subscription_update: { subscription } };
}
