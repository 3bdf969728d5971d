import type { Stripe } from "stripe";

import { invalidParameter } from "../errors.ts";
import { PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId, randomText } from "../store.ts";
import { snapshotId, thinOf } from "../thin.ts";
import { found } from "./shared.ts";

const LIST = {
  optional: { limit: PAGE.limit, include: p.list(p.oneOf("webhook_endpoint.url")) },
};
const CREATE = {
  required: {
    enabled_events: p.list(p.text),
    // Snapshots go to webhook endpoints.
    event_payload: p.oneOf("thin"),
    name: p.text,
    type: p.oneOf("webhook_endpoint"),
    webhook_endpoint: p.shape({ url: p.text }, {}),
  },
  optional: {
    description: p.text,
    include: p.list(p.oneOf("webhook_endpoint.signing_secret", "webhook_endpoint.url")),
  },
};

/** Destinations of thin events, and those events, under /v2/core. */
export const eventDestinationRoutes = [
  route("POST", "/v2/core/event_destinations", CREATE, (context, params) => {
    const { url } = params.webhook_endpoint;
    if (!URL.canParse(url)) throw invalidParameter("webhook_endpoint.url", "Invalid URL");
    const now = new Date(context.clock.now() * 1000).toISOString();
    const secret = `whsec_${randomText(32)}`;
    const destination: Stripe.V2.Core.EventDestination = {
      id: newId("ed_test"),
      object: "v2.core.event_destination",
      created: now,
      description: params.description ?? "",
      enabled_events: params.enabled_events,
      event_payload: "thin",
      livemode: false,
      name: params.name,
      status: "enabled",
      type: "webhook_endpoint",
      updated: now,
    };
    const { id } = destination;
    const resource = { url, enabled_events: params.enabled_events, status: "enabled" };
    context.store.thinEndpoints.set(id, { id, secret, resource, destination });
    const included = params.include ?? [];
    const shown = {
      ...(included.includes("webhook_endpoint.url") ? { url } : {}),
      ...(included.includes("webhook_endpoint.signing_secret") ? { signing_secret: secret } : {}),
    };
    return included.length === 0 ? destination : { ...destination, webhook_endpoint: shown };
  }),
  // There are at most a few dozen, so that one page holds them all.
  route("GET", "/v2/core/event_destinations", LIST, (context, params) => ({
    data: [...context.store.thinEndpoints.values()].map(({ destination, resource: { url } }) =>
      params.include === undefined ? destination : { ...destination, webhook_endpoint: { url } },
    ),
    next_page_url: null,
    previous_page_url: null,
  })),
  route("GET", "/v2/core/events/:id", {}, (context, _params, id) =>
    thinOf(found(context.store.events, "event", snapshotId(id))),
  ),
];
