import type { Addressee, Store, StoredEvent } from "./store.ts";
import { thinOf, thinType } from "./thin.ts";

/** Everybody who asked for events of this type: of snapshots first, and then of thin events. */
export function addresseesOf(store: Store, { type }: StoredEvent): Addressee[] {
  return [
    ...wanting(type, store.webhookEndpoints.values()),
    ...wanting(thinType(type), store.thinEndpoints.values()),
  ];
}

/** What is posted where, and by which secrets it is signed. */
export type Letter = { url: string; secrets: string[]; payload: string };

/** What is written, and when, in the emulator's time. */
export type Writing = { event: string; endpoint: string; atMs: number };

/** The letter that tells an endpoint of an event: all of it, or thin. undefined if either is gone. */
export function letterFor(store: Store, writing: Writing): Letter | undefined {
  const event = store.events.get(writing.event);
  const thin = store.thinEndpoints.get(writing.endpoint);
  const endpoint = thin ?? store.webhookEndpoints.get(writing.endpoint);
  if (event === undefined || endpoint === undefined) return undefined;
  return {
    url: endpoint.resource.url,
    secrets: secretsAt(endpoint, writing.atMs),
    payload: JSON.stringify(thin === undefined ? event : thinOf(event), null, 2),
  };
}

/** The secrets that are good then: two while one is rolled. */
function secretsAt({ secret, rolled }: Addressee, atMs: number): string[] {
  return rolled !== undefined && rolled.until > atMs ? [secret, rolled.secret] : [secret];
}

function wanting(type: string, endpoints: Iterable<Addressee>): Addressee[] {
  return [...endpoints].filter(({ resource }) => {
    const isAsked = resource.enabled_events.some((each) => each === "*" || each === type);
    return resource.status === "enabled" && isAsked;
  });
}
