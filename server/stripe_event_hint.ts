/**
 * What is taken from an event: which it is, of what type, and the ids of what it is about. All else
 * in it may be old, so nobody reads it; the tasks ask Stripe.
 */

/** An event of either format, reduced to what the inbox keeps beside the event itself. */
export type StripeEventHint = {
  /** A snapshot event's id, also for its thin twin: the two are one. */
  id: string;
  /** As snapshot events name it. */
  type: string;
  objectType: string | null;
  objectId: string | null;
  customerId: string | null;
  /** The connected account, or the one within an organization; null for the endpoint's own. */
  accountId: string | null;
  livemode: boolean;
  apiVersion: string | null;
  /** In Unix seconds. */
  created: number;
};

/** The hint in a parsed body; undefined when it is no event of a format that Stripe sends. */
export function hintOf(event: unknown): StripeEventHint | undefined {
  switch (field(event, "object")) {
    case "event":
      return snapshotHint(event);
    case "v2.core.event":
      return thinHint(event);
    default:
      return undefined;
  }
}

/** The customer an object of Stripe's belongs to, or is; null when it names none. */
export function customerIdOf(object: unknown): string | null {
  const customer =
    field(object, "object") === "customer" ? field(object, "id") : field(object, "customer");
  // Customers are made by us, and so by the name that Stripe gives them; others are none of ours.
  return matching(/^cus_\w{1,250}$/, idOf(customer));
}

function snapshotHint(event: unknown): StripeEventHint | undefined {
  const object = field(field(event, "data"), "object");
  const created = field(event, "created");
  if (typeof object !== "object" || object === null) return undefined;
  return hint(event, {
    id: field(event, "id"),
    created: Number.isInteger(created) ? Number(created) : NaN,
    object,
    // What was taken off a customer names them no more.
    customerId:
      customerIdOf(object) ?? customerIdOf(field(field(event, "data"), "previous_attributes")),
    accountId: field(event, "account"),
  });
}

function thinHint(event: unknown): StripeEventHint | undefined {
  const related = field(event, "related_object");
  const created = field(event, "created");
  return hint(event, {
    id: field(event, "snapshot_event") ?? field(event, "id"),
    created: typeof created === "string" ? Date.parse(created) / 1000 : NaN,
    object: { id: field(related, "id"), object: field(related, "type") },
    customerId:
      field(related, "type") === "customer"
        ? customerIdOf({ customer: field(related, "id") })
        : null,
    accountId: field(event, "context"),
  });
}

function hint(
  event: unknown,
  found: {
    id: unknown;
    created: number;
    object: object;
    customerId: string | null;
    accountId: unknown;
  },
): StripeEventHint | undefined {
  const id = matching(/^evt_\w{1,250}$/, found.id);
  // Whatever it is called: one that is refused is sent for three days. Some have brackets.
  const type = matching(/^[!-~]{1,255}$/, field(event, "type"));
  const livemode = field(event, "livemode");
  if (id === null || type === null || typeof livemode !== "boolean") return undefined;
  if (!Number.isFinite(found.created)) return undefined;
  // An account that can't be read is not the same as none.
  const accountId = matching(/^[\w/]{1,255}$/, found.accountId);
  if (accountId === null && (found.accountId ?? null) !== null) return undefined;
  return {
    id,
    type: type.replace(/^v1\./, ""),
    objectType: matching(/^[\w.]{1,255}$/, field(found.object, "object")),
    objectId: matching(/^\w{1,255}$/, field(found.object, "id")),
    customerId: found.customerId,
    accountId,
    livemode,
    apiVersion: matching(/^[\w.-]{1,255}$/, field(event, "api_version")),
    created: found.created,
  };
}

/** The id of an object that may be expanded. */
function idOf(value: unknown): unknown {
  return typeof value === "object" ? field(value, "id") : value;
}

function matching(form: RegExp, value: unknown): string | null {
  return typeof value === "string" && form.test(value) ? value : null;
}

function field(object: unknown, name: string): unknown {
  return typeof object === "object" && object !== null ? Reflect.get(object, name) : undefined;
}
