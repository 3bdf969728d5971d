import type Stripe from "stripe";

import { customerIdOf } from "../server/stripe_event_hint.ts";
import { isMissing } from "./stripe_client.ts";

export type EventReader = Pick<
  Stripe,
  | "charges"
  | "checkout"
  | "disputes"
  | "events"
  | "invoices"
  | "paymentMethods"
  | "refunds"
  | "setupIntents"
  | "subscriptions"
>;

/** What an event says of whom it is about, when it does not say it. */
export type EventSubject = {
  eventId: string;
  objectType: string | null;
  objectId: string | null;
  chargeId: string | null;
};

/** A customer's id; `null`, about no customer; `undefined`, there is no such thing in this account. */
export type EventCustomer = string | null | undefined;

type Read = (stripe: EventReader, id: string) => Promise<object>;

/** How the objects are read that events are about. */
const READERS: Readonly<Record<string, Read>> = {
  charge: (stripe, id) => stripe.charges.retrieve(id),
  "checkout.session": (stripe, id) => stripe.checkout.sessions.retrieve(id),
  dispute: (stripe, id) => stripe.disputes.retrieve(id),
  invoice: (stripe, id) => stripe.invoices.retrieve(id),
  payment_method: (stripe, id) => stripe.paymentMethods.retrieve(id),
  refund: (stripe, id) => stripe.refunds.retrieve(id),
  setup_intent: (stripe, id) => stripe.setupIntents.retrieve(id),
  subscription: (stripe, id) => stripe.subscriptions.retrieve(id),
};

/**
 * Asks Stripe whom an event is about: by the object it names, or by the event itself when it names
 * none, and from there by the charge, for what knows no customer but was paid by one.
 */
export async function customerOfEvent(
  stripe: EventReader,
  subject: EventSubject,
): Promise<EventCustomer> {
  try {
    if (subject.chargeId !== null) return await customerOfCharge(stripe, subject.chargeId);
    const object = await objectOf(stripe, subject);
    const charge: unknown = Reflect.get(object, "charge");
    return (
      customerIdOf(object) ??
      (typeof charge === "string" ? await customerOfCharge(stripe, charge) : null)
    );
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function customerOfCharge(stripe: EventReader, id: string): Promise<string | null> {
  return customerIdOf(await stripe.charges.retrieve(id));
}

async function objectOf(stripe: EventReader, subject: EventSubject): Promise<object> {
  const read = Object.hasOwn(READERS, subject.objectType ?? "")
    ? READERS[subject.objectType ?? ""]
    : undefined;
  if (read !== undefined && subject.objectId !== null) return read(stripe, subject.objectId);
  return (await stripe.events.retrieve(subject.eventId)).data.object;
}
