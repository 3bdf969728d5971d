import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, missingParameter } from "../errors.ts";
import * as p from "../params.ts";
import { isEnded } from "./subscription_lifecycle.ts";
import { updateSubscription } from "./subscription_update.ts";
import { found } from "./shared.ts";

type Session = Stripe.BillingPortal.Session;
type Configuration = Stripe.BillingPortal.Configuration;
type Flow = Stripe.BillingPortal.Session.Flow;

const ofSubscription = p.shape({ subscription: p.text }, {});

/** The task that a session is to lead straight to. */
export const flowData = p.shape(
  {
    type: p.oneOf(
      "payment_method_update",
      "subscription_cancel",
      "subscription_update",
      "subscription_update_confirm",
    ),
  },
  {
    after_completion: p.shape(
      { type: p.oneOf("hosted_confirmation", "portal_homepage", "redirect") },
      {
        hosted_confirmation: p.shape({}, { custom_message: p.text }),
        redirect: p.shape({ return_url: p.webAddress }, {}),
      },
    ),
    subscription_cancel: ofSubscription,
    subscription_update: ofSubscription,
    subscription_update_confirm: p.shape(
      {
        subscription: p.text,
        items: p.list(p.shape({ id: p.text }, { price: p.text, quantity: p.integer })),
      },
      { discounts: p.list(p.shape({}, { coupon: p.text, promotion_code: p.text })) },
    ),
  },
);
type Given = ReturnType<typeof flowData>;

/** The flow asked for; refused if the configuration lacks it or the subscription is not theirs. */
export function flowOf(
  context: Context,
  given: Given,
  customer: string,
  { features }: Configuration,
): Flow {
  const feature = given.type === "subscription_update_confirm" ? "subscription_update" : given.type;
  if (!features[feature].enabled) {
    throw invalidParameter(
      "flow_data[type]",
      `This flow needs the feature \`${feature}\`, which the portal's configuration leaves out.`,
    );
  }
  refuseForeign(context, given, customer);
  const { subscription_cancel: cancel, subscription_update: update } = given;
  const { subscription_update_confirm: confirm, after_completion: after } = given;
  return {
    after_completion: {
      type: after?.type ?? "portal_homepage",
      hosted_confirmation:
        after?.type === "hosted_confirmation"
          ? { custom_message: after.hosted_confirmation?.custom_message ?? null }
          : null,
      redirect: redirectOf(after),
    },
    customer_update: null,
    subscription_cancel: cancel === undefined ? null : { ...cancel, retention: null },
    subscription_pause: null,
    subscription_update: update ?? null,
    subscription_update_confirm:
      confirm === undefined
        ? null
        : {
            subscription: confirm.subscription,
            items: confirm.items.map((each) => ({ ...each, price: each.price ?? null })),
            discounts: (confirm.discounts ?? []).map((each) => ({
              coupon: each.coupon ?? null,
              promotion_code: each.promotion_code ?? null,
            })),
          },
    type: given.type,
  };
}

function redirectOf(after: Given["after_completion"]): Flow["after_completion"]["redirect"] {
  if (after?.type !== "redirect") return null;
  if (after.redirect !== undefined) return after.redirect;
  throw missingParameter("flow_data[after_completion][redirect]");
}

function refuseForeign(context: Context, given: Given, customer: string): void {
  const { type } = given;
  if (type === "payment_method_update") return;
  const about = given[type];
  if (about === undefined) throw missingParameter(`flow_data[${type}]`);
  const param = `flow_data[${type}][subscription]`;
  const { subscriptions } = context.store;
  const subscription = found(subscriptions, "subscription", about.subscription, param);
  if (subscription.customer === customer && !isEnded(subscription)) return;
  throw invalidParameter(param, "The subscription is over, or is not this customer's.");
}

/** The flow that a session still has to lead through. */
export function flowToDo(context: Context, { id, flow }: Session): Flow | null {
  return context.store.finishedFlows.has(id) ? null : flow;
}

/** The subscription that a flow is about, if it is about one. */
export function subscriptionOfFlow(flow: Flow): string | undefined {
  const about =
    flow.subscription_cancel ?? flow.subscription_update ?? flow.subscription_update_confirm;
  return about?.subscription;
}

/** Does what a customer was asked to confirm. */
export function confirmUpdate(
  context: Context,
  { subscription_update_confirm: asked }: Flow,
  proration: "always_invoice" | "create_prorations" | "none",
): void {
  if (asked === null) return;
  const discounts = (asked.discounts ?? []).map(({ coupon, promotion_code: code }) =>
    coupon === null ? { promotion_code: code ?? "" } : { coupon },
  );
  const items = asked.items.map(({ id, price, quantity }) => ({
    id: id ?? "",
    ...(price === null ? {} : { price }),
    ...(quantity === undefined ? {} : { quantity }),
  }));
  const update = { items, proration_behavior: proration };
  const all = discounts.length === 0 ? update : { ...update, discounts };
  updateSubscription(context, all, asked.subscription);
}
