import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId } from "../store.ts";
import { found } from "./shared.ts";

type Configuration = Stripe.BillingPortal.Configuration;

const URL = "/v1/billing_portal/configurations";
const proration = p.oneOf("always_invoice", "create_prorations", "none");
const switchable = p.shape({ enabled: p.boolean }, {});
const features = p.shape(
  {},
  {
    invoice_history: switchable,
    payment_method_update: switchable,
    subscription_cancel: p.shape(
      { enabled: p.boolean },
      { mode: p.oneOf("at_period_end", "immediately"), proration_behavior: proration },
    ),
    subscription_update: p.shape(
      { enabled: p.boolean },
      {
        default_allowed_updates: p.list(p.oneOf("price", "promotion_code", "quantity")),
        products: p.list(p.shape({ product: p.text, prices: p.list(p.text) }, {})),
        proration_behavior: proration,
      },
    ),
  },
);
const FIELDS = {
  business_profile: p.shape(
    {},
    {
      headline: p.text,
      privacy_policy_url: p.webAddress,
      terms_of_service_url: p.webAddress,
    },
  ),
  default_return_url: p.webAddress,
  metadata: p.metadata,
  name: p.text,
};
type Fields = p.Optional<typeof FIELDS & { active: typeof p.boolean; features: typeof features }>;

/** The endpoints under /v1/billing_portal/configurations. */
export const portalConfigurationRoutes = [
  route("POST", URL, { required: { features }, optional: FIELDS }, (context, params) => {
    const configuration = blank(context);
    assign(configuration, params);
    context.store.portalConfigurations.set(configuration.id, configuration);
    emit(context, "billing_portal.configuration.created", configuration);
    return configuration;
  }),
  route("GET", `${URL}/:id`, {}, (context, _params, id) =>
    found(context.store.portalConfigurations, "configuration", id),
  ),
  route(
    "POST",
    `${URL}/:id`,
    { optional: { ...FIELDS, active: p.boolean, features } },
    (context, params, id) => {
      const configuration = found(context.store.portalConfigurations, "configuration", id);
      assign(configuration, params);
      configuration.updated = context.clock.now();
      emit(context, "billing_portal.configuration.updated", configuration);
      return configuration;
    },
  ),
  route(
    "GET",
    URL,
    { optional: { ...PAGE, active: p.boolean, is_default: p.boolean } },
    (context, { active, is_default: isDefault, ...params }) => {
      const rows = [...context.store.portalConfigurations.values()]
        .filter((row) => active === undefined || row.active === active)
        .filter((row) => isDefault === undefined || row.is_default === isDefault);
      return page(rows, params, URL);
    },
  ),
];

/** The one that sessions have which name none: it is made when it is first needed. */
export function defaultConfiguration(context: Context): Configuration {
  const { portalConfigurations: all } = context.store;
  const existing = [...all.values()].find((each) => each.is_default);
  if (existing !== undefined) return existing;
  const configuration = blank(context);
  configuration.is_default = true;
  assign(configuration, {
    features: {
      invoice_history: { enabled: true },
      payment_method_update: { enabled: true },
      subscription_cancel: { enabled: true },
      subscription_update: { enabled: true, proration_behavior: "create_prorations" },
    },
  });
  all.set(configuration.id, configuration);
  return configuration;
}

function assign(configuration: Configuration, params: Fields): void {
  const profile = params.business_profile ?? {};
  Object.assign(configuration.business_profile, profile);
  if (params.default_return_url !== undefined) {
    configuration.default_return_url = params.default_return_url;
  }
  if (params.active !== undefined) configuration.active = params.active;
  if (params.name !== undefined) configuration.name = p.textOrNull(params.name);
  configuration.metadata = p.mergeMetadata(configuration.metadata ?? {}, params.metadata);
  const { features: on } = configuration;
  const { subscription_update: update, ...given } = params.features ?? {};
  Object.assign(on.invoice_history, given.invoice_history);
  Object.assign(on.payment_method_update, given.payment_method_update);
  Object.assign(on.subscription_cancel, given.subscription_cancel);
  if (update === undefined) return;
  const products = update.products?.map((each) => ({
    ...each,
    adjustable_quantity: { enabled: false, maximum: null, minimum: 1 },
  }));
  Object.assign(on.subscription_update, update, products === undefined ? {} : { products });
}

/** Everything is off until it is asked for. */
function blank(context: Context): Configuration {
  const now = context.clock.now();
  return {
    id: newId("bpc"),
    object: "billing_portal.configuration",
    active: true,
    application: null,
    business_profile: { headline: null, privacy_policy_url: null, terms_of_service_url: null },
    created: now,
    default_return_url: null,
    features: {
      customer_update: { allowed_updates: [], enabled: false },
      invoice_history: { enabled: false },
      payment_method_update: { enabled: false, payment_method_configuration: null },
      subscription_cancel: {
        cancellation_reason: { enabled: false, feedback_options: null, options: [] },
        enabled: false,
        mode: "at_period_end",
        proration_behavior: "none",
      },
      subscription_pause: {
        duration: { interval_options: [], type: "indefinite" },
        enabled: false,
      },
      subscription_update: {
        billing_cycle_anchor: null,
        default_allowed_updates: [],
        enabled: false,
        products: null,
        proration_behavior: "none",
        schedule_at_period_end: { conditions: [] },
        trial_update_behavior: "end_trial",
      },
    },
    is_default: false,
    livemode: false,
    login_page: { enabled: false, url: null },
    metadata: {},
    name: null,
    updated: now,
  };
}
