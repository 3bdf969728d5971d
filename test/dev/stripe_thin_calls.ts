/** The calls of the second API, which tells of events without what they are about. */
import type { Call } from "./stripe_calls.ts";

export const THIN_CALLS: Record<string, Call> = {
  "POST /v2/core/event_destinations": ({ stripe }) =>
    stripe.v2.core.eventDestinations.create({
      enabled_events: ["v1.customer.created"],
      event_payload: "thin",
      name: "ours",
      type: "webhook_endpoint",
      webhook_endpoint: { url: "https://example.com/hook" },
    }),
  "GET /v2/core/event_destinations": async ({ stripe }) =>
    stripe.v2.core.eventDestinations.list({ include: ["webhook_endpoint.url"] }),
  "GET /v2/core/events/:id": async ({ stripe }) => {
    const [snapshot] = (await stripe.events.list({ limit: 1 })).data;
    return stripe.v2.core.events.retrieve(snapshot?.id.replace("evt_", "evt_test_") ?? "");
  },
};
