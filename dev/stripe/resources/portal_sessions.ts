import type { Stripe } from "stripe";

import { emit } from "../events.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId, randomText } from "../store.ts";
import { defaultConfiguration } from "./portal_configurations.ts";
import { flowData, flowOf } from "./portal_flows.ts";
import { found, liveCustomer } from "./shared.ts";

const CREATE = {
  required: { customer: p.text },
  optional: { configuration: p.text, flow_data: flowData, return_url: p.webAddress },
};

/** The endpoint under /v1/billing_portal/sessions. */
export const portalSessionRoutes = [
  route("POST", "/v1/billing_portal/sessions", CREATE, (context, params) => {
    const { id: customer } = liveCustomer(context.store, params.customer, "customer");
    const { portalConfigurations } = context.store;
    const configuration =
      params.configuration === undefined
        ? defaultConfiguration(context)
        : found(portalConfigurations, "configuration", params.configuration, "configuration");
    // The address alone lets the customer in, so it is longer than an id.
    const id = `${newId("bps")}${randomText(24)}`;
    const session: Stripe.BillingPortal.Session = {
      id,
      object: "billing_portal.session",
      configuration: configuration.id,
      created: context.clock.now(),
      customer,
      customer_account: null,
      flow:
        params.flow_data === undefined
          ? null
          : flowOf(context, params.flow_data, customer, configuration),
      livemode: false,
      locale: null,
      on_behalf_of: null,
      return_url: params.return_url ?? configuration.default_return_url,
      url: `${context.site}/p/session/${id}`,
    };
    context.store.portalSessions.set(id, session);
    emit(context, "billing_portal.session.created", session);
    return session;
  }),
];
