import { Stripe } from "stripe";

import type { Clock } from "../clock.ts";
import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId, randomText } from "../store.ts";
import type { Store } from "../store.ts";
import { found } from "./shared.ts";

const CREATE = {
  required: { url: p.text, enabled_events: p.list(p.text) },
  // Events are rendered as of one version only.
  optional: { api_version: p.oneOf(Stripe.API_VERSION), description: p.text, metadata: p.metadata },
};
const UPDATE = {
  optional: {
    url: p.text,
    enabled_events: p.list(p.text),
    disabled: p.boolean,
    description: p.text,
    metadata: p.metadata,
  },
};
const MAX_ENDPOINTS = 16;
/** The endpoint that the emulator was started with. */
const CONFIGURED = "we_configured";

/** The endpoints under /v1/webhook_endpoints. */
export const webhookEndpointRoutes = [
  route("POST", "/v1/webhook_endpoints", CREATE, (context, params) => {
    const { webhookEndpoints } = context.store;
    requireUrl(params.url);
    if (webhookEndpoints.size >= MAX_ENDPOINTS) {
      throw invalidParameter("url", `You may have at most ${MAX_ENDPOINTS} webhook endpoints.`);
    }
    const id = newId("we");
    const secret = newSecret();
    const resource = endpoint(id, params.url, context.clock.now());
    resource.enabled_events = params.enabled_events;
    resource.description = p.textOrNull(params.description);
    resource.metadata = p.mergeMetadata({}, params.metadata);
    webhookEndpoints.set(id, { id, secret, resource });
    return { ...resource, secret };
  }),
  route(
    "GET",
    "/v1/webhook_endpoints/:id",
    {},
    (context, _params, id) =>
      found(context.store.webhookEndpoints, "webhook endpoint", id).resource,
  ),
  route("POST", "/v1/webhook_endpoints/:id", UPDATE, (context, params, id) => {
    const { resource } = found(context.store.webhookEndpoints, "webhook endpoint", id);
    if (params.url !== undefined) requireUrl(params.url);
    resource.url = params.url ?? resource.url;
    resource.enabled_events = params.enabled_events ?? resource.enabled_events;
    if (params.disabled !== undefined) resource.status = params.disabled ? "disabled" : "enabled";
    if (params.description !== undefined) resource.description = p.textOrNull(params.description);
    resource.metadata = p.mergeMetadata(resource.metadata, params.metadata);
    return resource;
  }),
  route("DELETE", "/v1/webhook_endpoints/:id", {}, (context, _params, id) => {
    found(context.store.webhookEndpoints, "webhook endpoint", id);
    context.store.webhookEndpoints.delete(id);
    return {
      id,
      object: "webhook_endpoint",
      deleted: true,
    } satisfies Stripe.DeletedWebhookEndpoint;
  }),
  route("GET", "/v1/webhook_endpoints", { optional: PAGE }, (context, params) =>
    page(resources(context), params, "/v1/webhook_endpoints"),
  ),
];

/** Gives an endpoint another secret; the old one signs as well until then. */
export function rollSecret(store: Store, id: string, untilMs: number): { secret: string } {
  const rolling = found(store.webhookEndpoints, "webhook endpoint", id);
  rolling.rolled = { secret: rolling.secret, until: untilMs };
  rolling.secret = newSecret();
  return { secret: rolling.secret };
}

function newSecret(): string {
  return `whsec_${randomText(32)}`;
}

function requireUrl(url: string): void {
  if (!URL.canParse(url)) throw invalidParameter("url", "Invalid URL", "url_invalid");
}

function resources(context: Context): Stripe.WebhookEndpoint[] {
  return [...context.store.webhookEndpoints.values()].map((each) => each.resource);
}

/** Makes the endpoint of the start options the one that is in the store, or takes it out. */
export function configureEndpoint(
  store: Store,
  clock: Pick<Clock, "now">,
  webhook: { url: string; secret: string } | undefined,
): void {
  if (webhook === undefined) {
    store.webhookEndpoints.delete(CONFIGURED);
    return;
  }
  const resource = endpoint(CONFIGURED, webhook.url, clock.now());
  store.webhookEndpoints.set(CONFIGURED, { id: CONFIGURED, secret: webhook.secret, resource });
}

function endpoint(id: string, url: string, now: number): Stripe.WebhookEndpoint {
  return {
    id,
    object: "webhook_endpoint",
    api_version: Stripe.API_VERSION,
    application: null,
    created: now,
    description: null,
    enabled_events: ["*"],
    livemode: false,
    metadata: {},
    status: "enabled",
    url,
  };
}
