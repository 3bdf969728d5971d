import type { Addressee, Store, StoredEvent } from "./store.ts";
import { thinOf, thinType } from "./thin.ts";

/** Everybody who asked for events of this type: of snapshots first, and then of thin events. */
export function addresseesOf(store: Store, { type }: StoredEvent): Addressee[] {
  return [
    ...wanting(type, store.webhookEndpoints.values()),
    ...wanting(thinType(type), store.thinEndpoints.values()),
  ];
}

/** What is posted to whom. */
export type Letter = { endpoint: Addressee; payload: string };

/** The letter that tells an endpoint of an event: all of it, or thin. undefined if either is gone. */
export function letterFor(store: Store, eventId: string, endpointId: string): Letter | undefined {
  const event = store.events.get(eventId);
  const thin = store.thinEndpoints.get(endpointId);
  const endpoint = thin ?? store.webhookEndpoints.get(endpointId);
  if (event === undefined || endpoint === undefined) return undefined;
  return { endpoint, payload: JSON.stringify(thin === undefined ? event : thinOf(event), null, 2) };
}

function wanting(type: string, endpoints: Iterable<Addressee>): Addressee[] {
  return [...endpoints].filter(({ resource }) => {
    const isAsked = resource.enabled_events.some((each) => each === "*" || each === type);
    return resource.status === "enabled" && isAsked;
  });
}
