import { Stripe } from "stripe";

import type { Context } from "./context.ts";
import { fewItems } from "./few_items.ts";
import { isRecord } from "./params.ts";
import { refreshEntitlements } from "./resources/active_entitlements.ts";
import { copy, idOf, newId } from "./store.ts";

type EventOf<T> = Extract<Stripe.Event, { type: T }>;
/** The name of an event that the emulator may send. */
export type EventType = Stripe.Event["type"];

/** Records that something happened, with the object as it is at this moment, and sends it out. */
export function emit<T extends EventType>(
  context: Context,
  type: T,
  object: EventOf<T>["data"]["object"],
  previous?: Record<string, unknown>,
): void {
  record(context, type, object, previous);
  if (object.object === "subscription") tellEntitlements(context, idOf(object.customer));
}

/** The one object that its declaration gives an id and Stripe doesn't: it does not exist yet. */
export function emitUpcoming(context: Context, invoice: Omit<Stripe.Invoice, "id">): void {
  record(context, "invoice.upcoming", invoice);
}

function record(
  context: Context,
  type: EventType,
  object: object,
  previous?: Record<string, unknown>,
): void {
  const snapshot: Stripe.Event.Data.Object = JSON.parse(JSON.stringify(fewItems(object)));
  const data = { object: snapshot };
  const event = {
    id: newId("evt"),
    object: "event",
    api_version: Stripe.API_VERSION,
    created: context.account.now(),
    data: previous === undefined ? data : { ...data, previous_attributes: copy(previous) },
    livemode: false,
    pending_webhooks: 0,
    request: context.request,
    type,
  } satisfies Stripe.EventBase;
  context.store.events.set(event.id, event);
  context.publish(event);
}

/** Whatever happens to a subscription may change what its customer is entitled to. */
function tellEntitlements(context: Context, customer: string): void {
  const changed = refreshEntitlements(context, customer);
  if (changed === undefined) return;
  const { summary, previous } = changed;
  emit(context, "entitlements.active_entitlement_summary.updated", summary, {
    entitlements: previous.entitlements,
  });
}

/** Does `work`, which changes the object in place, and sends the event that says what changed. */
export function change<T extends EventType, R>(
  context: Context,
  type: T,
  object: EventOf<T>["data"]["object"],
  work: () => R,
): R {
  const before = copy<unknown>(object);
  const result = work();
  const previous = previousAttributes(before, copy<unknown>(object));
  if (Object.keys(previous).length > 0) emit(context, type, object, previous);
  return result;
}

/** The fields of `before` that differ in `after`; inside hashes only what differs, lists whole. */
export function previousAttributes(before: unknown, after: unknown): Record<string, unknown> {
  if (!isRecord(before) || !isRecord(after)) return {};
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...keys].filter((key) => !same(before[key], after[key]));
  return Object.fromEntries(changed.map((key) => [key, previousValue(before[key], after[key])]));
}

function previousValue(before: unknown, after: unknown): unknown {
  if (isRecord(before) && isRecord(after)) return previousAttributes(before, after);
  return before === undefined ? null : before;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
