/** Events as Stripe posts them, to the webhook's route alone. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import express from "express";
import { pino } from "pino";
import type { Stripe } from "stripe";

import { makePool } from "../../server/database.ts";
import { stripeWebhook } from "../../server/stripe_webhook.ts";
import { rowOf } from "./query.ts";
import type { Workshop } from "./tasks.ts";
import { makeEvent, sendWebhook } from "./webhooks.ts";

export { thinOf } from "../../dev/stripe/thin.ts";

const SECRET = "whsec_of_the_workshop";

/** Posts an event, signed; answers what became of it. */
export async function deliver(
  workshop: Workshop,
  event: object,
  options?: DeliverOptions,
): Promise<string | undefined> {
  const [status] = await deliverAtOnce(workshop, [event], options);
  return status;
}

export type DeliverOptions = { accountId?: string };

/** Posts events, signed, all at once; answers what became of each. */
export async function deliverAtOnce(
  { database }: Workshop,
  events: readonly object[],
  { accountId }: DeliverOptions = {},
): Promise<string[]> {
  const pool = makePool({
    connectionString: database.urls.server,
    applicationName: "test-webhook",
    logger: pino({ level: "silent" }),
    max: 1,
  });
  const receive = stripeWebhook({ pool, secrets: [SECRET], ours: { livemode: false, accountId } });
  const route = express().post("/webhooks/stripe", receive);
  const server = createServer(route).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const endpoint = { url, webhookSecret: SECRET };
    const answers = events.map((event) => sendWebhook(endpoint, JSON.stringify(event)));
    return (await Promise.all(answers)).map(({ status, body }) => {
      if (status !== 200) throw new Error(`The webhook answered ${status}`);
      return (body as { status: string }).status;
    });
  } finally {
    server.close();
    await pool.end();
  }
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

/** The last event of a type that the emulator has told of. */
export async function newestEvent(workshop: Workshop, type: string): Promise<Stripe.Event> {
  const event = (await eventsOf(workshop, [type])).at(-1);
  if (event === undefined) throw new Error(`There is no ${type}`);
  return event;
}

/** What became of an event that was delivered. */
export function keptEvent({ pool }: Pick<Workshop, "pool">, id: string) {
  return rowOf<{ status: string; customer_id: string | null; reason: string | null }>(
    pool,
    "select status, customer_id, reason from app_private.stripe_events where id = $1",
    [id],
  );
}
