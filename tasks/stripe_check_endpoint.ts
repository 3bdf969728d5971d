import type { JobHelpers, Task } from "graphile-worker";
import Stripe from "stripe";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_check_endpoint: Record<string, never>;
    }
  }
}

export type StripeCheckEndpointOptions = {
  stripe: Pick<Stripe, "webhookEndpoints" | "v2" | "events">;
  /** Where Stripe is to send events, as Stripe is told. */
  webhookUrl: string;
};

/** A webhook endpoint, or a destination of thin events, as far as it matters here. */
type Endpoint = {
  id: string;
  url: string;
  isEnabled: boolean;
  /** Of the payload; undefined for thin events, which have none. */
  apiVersion: string | null | undefined;
  enabledEvents: readonly string[];
};

const ALARM = "webhook_endpoint";
const UNDELIVERED = "webhook_undelivered";
const HOUR = 3600;
const DAY = 24 * HOUR;
/** Stripe gives up after three days; what is younger than an hour may just be on its way. */
const GIVEN_UP_AFTER = 3 * DAY;
const AT_MOST = 100;

/** Without these a tenant's access follows what it paid only with the poll, an hour late. */
const ESSENTIAL = [
  "checkout.session.completed",
  "customer.deleted",
  "customer.subscription.created",
  "customer.subscription.deleted",
  "customer.subscription.updated",
  "invoice.paid",
  "invoice.payment_failed",
];

/**
 * Looks whether Stripe still sends us events, of the version this code was written for, and whether
 * they arrive. The poll heals what does not; somebody should know all the same.
 */
export function stripeCheckEndpoint(
  options: StripeCheckEndpointOptions,
): Task<"stripe_check_endpoint"> {
  const { stripe, webhookUrl } = options;

  return async function run(_payload, { query }) {
    const ours = (await allEndpoints(stripe)).filter(({ url }) => url === webhookUrl);
    await tell(query, { kind: ALARM, subject: webhookUrl, fault: faultOf(ours) });
    const late = await undelivered(stripe);
    await tell(query, {
      kind: UNDELIVERED,
      subject: webhookUrl,
      fault: late && "Stripe could not deliver events for an hour and more; the poll fetches them",
    });
  };
}

async function allEndpoints(stripe: StripeCheckEndpointOptions["stripe"]): Promise<Endpoint[]> {
  const [endpoints, destinations] = await Promise.all([
    stripe.webhookEndpoints.list({ limit: AT_MOST }).autoPagingToArray({ limit: AT_MOST }),
    stripe.v2.core.eventDestinations
      .list({ include: ["webhook_endpoint.url"] })
      .autoPagingToArray({ limit: AT_MOST }),
  ]);
  const thin = destinations.filter((destination) => destination.event_payload === "thin");
  return [
    ...endpoints.map(({ id, url, status, api_version: apiVersion, enabled_events }) => ({
      id,
      url,
      isEnabled: status === "enabled",
      apiVersion,
      enabledEvents: enabled_events,
    })),
    ...thin.map(({ id, status, webhook_endpoint: endpoint, enabled_events }) => ({
      id,
      url: endpoint?.url ?? "",
      isEnabled: status === "enabled",
      apiVersion: undefined,
      enabledEvents: enabled_events.map((type) => type.replace(/^v1\./, "")),
    })),
  ];
}

/** What an operator must mend; undefined when an enabled endpoint of our version is there. */
function faultOf(ours: readonly Endpoint[]): string | undefined {
  if (ours.length === 0) return "Stripe has no webhook endpoint with this URL: no event will come";
  const enabled = ours.filter(({ isEnabled }) => isEnabled);
  if (enabled.length === 0) return "Stripe has disabled the webhook endpoint: no event will come";
  const strange = enabled.find(
    ({ apiVersion }) =>
      apiVersion !== undefined && majorOf(apiVersion) !== Stripe.MAJOR_API_VERSION,
  );
  const sent = new Set(enabled.flatMap(({ enabledEvents }) => enabledEvents));
  const lacking = sent.has("*") ? [] : ESSENTIAL.filter((type) => !sent.has(type));
  if (lacking.length > 0) return `The webhook endpoint does not send ${lacking.join(", ")}`;
  if (strange === undefined) return undefined;
  return (
    `${strange.id} sends events of API version ${strange.apiVersion ?? "of the account"}, not ` +
    `${Stripe.API_VERSION}: make another endpoint with this one, then delete it`
  );
}

/** `endive` of `2026-10-28.endive`. */
function majorOf(version: string | null): string | undefined {
  return version?.split(".")[1];
}

/** Whether there is an event that has failed to arrive for an hour, and is still tried. */
async function undelivered(stripe: StripeCheckEndpointOptions["stripe"]): Promise<boolean> {
  const now = Math.floor(Date.now() / 1000);
  const { data } = await stripe.events.list({
    delivery_success: false,
    created: { gte: now - GIVEN_UP_AFTER, lt: now - HOUR },
    limit: 1,
  });
  return data.length > 0;
}

async function tell(
  query: JobHelpers["query"],
  what: { kind: string; subject: string; fault: string | false | undefined },
): Promise<void> {
  const { kind, subject, fault } = what;
  if (typeof fault === "string") {
    await query("select app_private.raise_alarm($1, $2, $3)", [kind, subject, fault]);
  } else {
    await query("select app_private.resolve_alarm($1, $2)", [kind, subject]);
  }
}
