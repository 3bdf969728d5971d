import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { list } from "../pagination.ts";
import { idOf, newId } from "../store.ts";

type ActiveEntitlement = Stripe.Entitlements.ActiveEntitlement;
type Summary = Stripe.Entitlements.ActiveEntitlementSummary;

/** Customers keep what they are entitled to while a payment is tried again. */
const ENTITLING: ReadonlySet<string> = new Set(["active", "trialing", "past_due"]);
/** A summary never shows more: the list has to be asked for. */
const SUMMARY_SIZE = 10;

/** What a customer is entitled to, as it stands. */
export function entitlementsOf(context: Context, customer: string): ActiveEntitlement[] {
  return context.store.entitlements.get(customer)?.active ?? [];
}

/** Works out a customer's entitlements anew; gives both summaries if they have changed. */
export function refreshEntitlements(
  context: Context,
  customer: string,
): { summary: Summary; previous: Summary } | undefined {
  const { productFeatures, entitlements } = context.store;
  // Looking through all subscriptions is spared an account that has no features.
  if (productFeatures.size === 0 && entitlements.size === 0) return undefined;
  const before = entitlementsOf(context, customer);
  const wanted = featuresDue(context, customer);
  const kept = before.filter((each) => wanted.has(idOf(each.feature)));
  const known = new Set(kept.map((each) => idOf(each.feature)));
  const added = [...wanted.values()].filter((feature) => !known.has(feature.id)).map(activate);
  if (added.length === 0 && kept.length === before.length) return undefined;
  const active = [...kept, ...added];
  context.store.entitlements.set(customer, { id: customer, active });
  return { summary: summaryOf(customer, active), previous: summaryOf(customer, before) };
}

function featuresDue(
  { store }: Context,
  customer: string,
): Map<string, Stripe.Entitlements.Feature> {
  const products = new Set(
    [...store.subscriptions.values()]
      .filter((each) => each.customer === customer && ENTITLING.has(each.status))
      .flatMap((each) => each.items.data.map((item) => idOf(item.price.product))),
  );
  const features = [...store.productFeatures.values()]
    .filter((each) => products.has(each.product))
    .map((each) => each.made.entitlement_feature);
  return new Map(features.map((feature) => [feature.id, feature]));
}

function activate(feature: Stripe.Entitlements.Feature): ActiveEntitlement {
  return {
    id: newId("ent"),
    object: "entitlements.active_entitlement",
    feature: feature.id,
    livemode: false,
    lookup_key: feature.lookup_key,
  };
}

function summaryOf(customer: string, active: ActiveEntitlement[]): Summary {
  const shown = active.slice(0, SUMMARY_SIZE);
  const url = `/v1/customer/${customer}/entitlements`;
  return {
    object: "entitlements.active_entitlement_summary",
    customer,
    entitlements: list(shown, active.length > SUMMARY_SIZE, url),
    livemode: false,
  };
}
