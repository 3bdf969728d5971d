import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { copy, newId } from "../store.ts";
import { found } from "./shared.ts";

type Feature = Stripe.Entitlements.Feature;

const URL = "/v1/entitlements/features";
const CREATE = {
  required: { lookup_key: p.text, name: p.text },
  optional: { metadata: p.metadata },
};
const UPDATE = { active: p.boolean, metadata: p.metadata, name: p.text };

/** The endpoints under /v1/entitlements/features and those of a product's features. */
export const featureRoutes = [
  route("POST", URL, CREATE, (context, params) => {
    const { features } = context.store;
    const key = params.lookup_key;
    if ([...features.values()].some((each) => each.lookup_key === key)) {
      throw invalidParameter(
        "lookup_key",
        `A feature with the lookup key \`${key}\` already exists.`,
        "resource_already_exists",
      );
    }
    const feature: Feature = {
      id: newId("feat"),
      object: "entitlements.feature",
      active: true,
      livemode: false,
      lookup_key: key,
      metadata: p.mergeMetadata({}, params.metadata),
      name: params.name,
    };
    features.set(feature.id, feature);
    return feature;
  }),
  route("GET", `${URL}/:id`, {}, (context, _params, id) => featureWith(context, id)),
  route("POST", `${URL}/:id`, { optional: UPDATE }, (context, params, id) => {
    const feature = featureWith(context, id);
    if (params.active !== undefined) feature.active = params.active;
    if (params.name !== undefined) feature.name = params.name;
    feature.metadata = p.mergeMetadata(feature.metadata, params.metadata);
    return feature;
  }),
  route(
    "GET",
    URL,
    { optional: { ...PAGE, archived: p.boolean, lookup_key: p.text } },
    (context, params) => {
      const rows = [...context.store.features.values()]
        .filter((row) => row.active !== (params.archived ?? false))
        .filter((row) => params.lookup_key === undefined || row.lookup_key === params.lookup_key);
      return page(rows, params, URL);
    },
  ),
  route(
    "POST",
    "/v1/products/:id/features",
    { required: { entitlement_feature: p.text } },
    (context, params, id) => {
      const product = found(context.store.products, "product", id);
      const wanted = params.entitlement_feature;
      const feature = found(context.store.features, "feature", wanted, "entitlement_feature");
      const made: Stripe.ProductFeature = {
        id: newId("prodft"),
        object: "product_feature",
        entitlement_feature: copy(feature),
        livemode: false,
      };
      context.store.productFeatures.set(made.id, { id: made.id, product: product.id, made });
      return made;
    },
  ),
  route("GET", "/v1/products/:id/features", { optional: PAGE }, (context, params, id) => {
    found(context.store.products, "product", id);
    return page(featuresOf(context, id), params, `/v1/products/${id}/features`);
  }),
  route(
    "GET",
    "/v1/products/:product/features/:id",
    {},
    (context, _params, id) => found(context.store.productFeatures, "product feature", id).made,
  ),
  route("DELETE", "/v1/products/:product/features/:id", {}, (context, _params, id) => {
    found(context.store.productFeatures, "product feature", id);
    context.store.productFeatures.delete(id);
    return { id, object: "product_feature", deleted: true };
  }),
];

function featureWith(context: Context, id: string): Feature {
  return found(context.store.features, "feature", id);
}

/** The features that come with a product. */
export function featuresOf(context: Context, product: string): Stripe.ProductFeature[] {
  return [...context.store.productFeatures.values()]
    .filter((each) => each.product === product)
    .map((each) => each.made);
}
