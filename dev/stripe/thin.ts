import type { Stripe } from "stripe";

import { isRecord } from "./params.ts";
import type { StoredEvent } from "./store.ts";

/** Where each kind of object is retrieved. What is not here has no id, or no such endpoint. */
const COLLECTIONS: Record<string, string> = {
  "billing.meter": "billing/meters",
  charge: "charges",
  coupon: "coupons",
  customer: "customers",
  dispute: "disputes",
  invoice: "invoices",
  invoice_payment: "invoice_payments",
  invoiceitem: "invoiceitems",
  payment_intent: "payment_intents",
  payment_method: "payment_methods",
  price: "prices",
  product: "products",
  promotion_code: "promotion_codes",
  refund: "refunds",
  setup_intent: "setup_intents",
  subscription: "subscriptions",
  "test_helpers.test_clock": "test_helpers/test_clocks",
};

/** What a thin event says, whatever its type. */
export type ThinEvent = Omit<Stripe.V2.Core.EventBase, "changes"> & {
  related_object?: Stripe.V2.Core.Events.RelatedObject;
};

/** The thin event that tells of the same change as a snapshot event. */
export function thinOf(event: StoredEvent): ThinEvent {
  const { id, idempotency_key: key } = event.request ?? { id: null, idempotency_key: null };
  const related = relatedTo(event.data.object);
  return {
    id: `evt_test_${event.id.slice("evt_".length)}`,
    object: "v2.core.event",
    created: new Date(event.created * 1000).toISOString(),
    livemode: false,
    snapshot_event: event.id,
    type: thinType(event.type),
    ...(id === null
      ? {}
      : { reason: { type: "request", request: { id, idempotency_key: key ?? "" } } }),
    ...(related === undefined ? {} : { related_object: related }),
  };
}

/** The name of a snapshot event's thin twin. */
export function thinType(type: string): string {
  return `v1.${type}`;
}

/** The id of the snapshot event behind a thin one's id. */
export function snapshotId(thinId: string): string {
  return thinId.replace(/^evt_test_/, "evt_");
}

function relatedTo(object: unknown): Stripe.V2.Core.Events.RelatedObject | undefined {
  if (!isRecord(object)) return undefined;
  const { id, object: type } = object;
  if (typeof id !== "string" || typeof type !== "string") return undefined;
  const collection = COLLECTIONS[type];
  return collection === undefined ? undefined : { id, type, url: `/v1/${collection}/${id}` };
}
