/** Events as they reach the inbox, without the HTTP in between. */
import type { Stripe } from "stripe";

import { hintOf } from "../../server/stripe_event_hint.ts";
import { keepEvents } from "../../server/stripe_inbox.ts";
import { withClient } from "./server.ts";
import type { Workshop } from "./tasks.ts";
import { makeEvent } from "./webhooks.ts";

export { thinOf } from "../../dev/stripe/thin.ts";

/** Puts an event into the inbox by the server's login; answers what became of it. */
export async function deliver({ database }: Workshop, event: object): Promise<string | undefined> {
  const hint = hintOf(event);
  if (hint === undefined) throw new Error("Not an event");
  const ours = { livemode: false, accountId: undefined };
  const [status] = await withClient(database.urls.server, (client) =>
    keepEvents(client, [{ hint, payload: JSON.stringify(event) }], ours),
  );
  return status;
}

/** An event of our own making about `object`. */
export function eventAbout(type: string, object: object, more: object = {}) {
  return makeEvent({ type, data: { object }, ...more });
}

/** A thin event without a snapshot twin, about the object related to it, if any. */
export function thinAbout(type: string, related_object?: { id: string; type: string }) {
  return {
    ...makeEvent({ type: `v1.${type}`, object: "v2.core.event" }),
    created: new Date().toISOString(),
    data: {},
    ...(related_object === undefined ? {} : { related_object }),
  };
}

export type Subscriber = { tenantId: string; customer: string; subscription: string };

/** A tenant that has paid with this card, and was synced before that. */
export async function foundSubscriber(
  workshop: Workshop,
  payment_method = "pm_card_visa",
): Promise<Subscriber> {
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const [customer = "", subscription = ""] = [customers[0]?.id, subscriptions[0]?.id];
  const { data } = await workshop.stripe.paymentIntents.list({ customer });
  await workshop.stripe.paymentIntents.confirm(data[0]?.id ?? "", { payment_method });
  return { tenantId, customer, subscription };
}

/** Every event of some types that the emulator has told of, oldest first. */
export async function eventsOf({ stripe }: Workshop, types: string[]): Promise<Stripe.Event[]> {
  const events = await stripe.events.list({ types, limit: 100 }).autoPagingToArray({ limit: 1000 });
  return events.toReversed();
}
