import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { StripeError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId } from "../store.ts";
import { found } from "./shared.ts";

const FIELDS = {
  active: p.boolean,
  description: p.text,
  images: p.list(p.text),
  marketing_features: p.list(p.shape({ name: p.text }, {})),
  metadata: p.metadata,
  name: p.text,
  shippable: p.boolean,
  statement_descriptor: p.text,
  tax_code: p.text,
  unit_label: p.text,
  url: p.text,
};
type Fields = p.Optional<typeof FIELDS>;

/** The endpoints under /v1/products. */
export const productRoutes = [
  route(
    "POST",
    "/v1/products",
    {
      required: { name: p.text },
      optional: { ...FIELDS, id: p.text, type: p.oneOf("good", "service") },
    },
    createProduct,
  ),
  route("GET", "/v1/products/:id", {}, (context, _params, id) =>
    found(context.store.products, "product", id),
  ),
  route(
    "POST",
    "/v1/products/:id",
    { optional: { ...FIELDS, default_price: p.text } },
    (context, params, id) => {
      const product = found(context.store.products, "product", id);
      const price = params.default_price;
      if (price) found(context.store.prices, "price", price, "default_price");
      change(context, "product.updated", product, () => {
        assign(product, params);
        if (price !== undefined) product.default_price = p.textOrNull(price);
        product.updated = context.clock.now();
      });
      return product;
    },
  ),
  route(
    "GET",
    "/v1/products",
    { optional: { ...PAGE, active: p.boolean, ids: p.list(p.text), created } },
    (context, params) => {
      const rows = [...context.store.products.values()]
        .filter((row) => params.active === undefined || row.active === params.active)
        .filter((row) => params.ids === undefined || params.ids.includes(row.id))
        .filter((row) => isCreatedIn(row.created, params.created));
      return page(rows, params, "/v1/products");
    },
  ),
];

/** Adds a product to the catalog. */
export function createProduct(
  context: Context,
  params: Fields & { name: string; id?: string },
): Stripe.Product {
  const { products } = context.store;
  const id = params.id ?? newId("prod");
  if (products.has(id)) throw taken(id);
  const product: Stripe.Product = {
    id,
    object: "product",
    active: true,
    created: context.clock.now(),
    default_price: null,
    description: null,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata: {},
    name: params.name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: "service",
    unit_label: null,
    updated: context.clock.now(),
    url: null,
  };
  assign(product, params);
  products.set(id, product);
  emit(context, "product.created", product);
  return product;
}

function assign(product: Stripe.Product, params: Fields): void {
  for (const field of ["description", "unit_label", "url"] as const) {
    const value = params[field];
    if (value !== undefined) product[field] = p.textOrNull(value);
  }
  if (params.statement_descriptor !== undefined) {
    product.statement_descriptor = p.textOrNull(params.statement_descriptor);
  }
  if (params.tax_code !== undefined) product.tax_code = p.textOrNull(params.tax_code);
  if (params.name !== undefined) product.name = params.name;
  if (params.active !== undefined) product.active = params.active;
  if (params.shippable !== undefined) product.shippable = params.shippable;
  if (params.images !== undefined) product.images = params.images;
  if (params.marketing_features !== undefined) {
    product.marketing_features = params.marketing_features;
  }
  product.metadata = p.mergeMetadata(product.metadata, params.metadata);
}

function taken(id: string): StripeError {
  return new StripeError(400, {
    type: "invalid_request_error",
    code: "resource_already_exists",
    message: `Product already exists: ${id}`,
    param: "id",
  });
}
