import { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, missingParameter } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { copy, newId } from "../store.ts";
import { createProduct } from "./products.ts";
import { found } from "./shared.ts";

const CHANGEABLE = {
  active: p.boolean,
  lookup_key: p.text,
  metadata: p.metadata,
  nickname: p.text,
  tax_behavior: p.oneOf("exclusive", "inclusive", "unspecified"),
  transfer_lookup_key: p.boolean,
};
type Changeable = p.Optional<typeof CHANGEABLE>;

const recurring = p.shape(
  { interval: p.oneOf("day", "week", "month", "year") },
  {
    interval_count: p.integer,
    meter: p.text,
    usage_type: p.oneOf("licensed", "metered"),
    trial_period_days: p.integer,
  },
);
const FIELDS = {
  ...CHANGEABLE,
  billing_scheme: p.oneOf("per_unit"),
  product: p.text,
  product_data: p.shape(
    { name: p.text },
    { id: p.text, active: p.boolean, metadata: p.metadata, unit_label: p.text },
  ),
  recurring,
  unit_amount: p.integer,
  unit_amount_decimal: p.text,
};
type Fields = p.Decoded<{ currency: p.Field<string> }, typeof FIELDS>;

const LIST = {
  ...PAGE,
  active: p.boolean,
  created,
  currency: p.text,
  lookup_keys: p.list(p.text),
  product: p.text,
  type: p.oneOf("recurring", "one_time"),
};

/** The endpoints under /v1/prices. */
export const priceRoutes = [
  route("POST", "/v1/prices", { required: { currency: p.text }, optional: FIELDS }, create),
  route("GET", "/v1/prices/:id", {}, (context, _params, id) =>
    found(context.store.prices, "price", id),
  ),
  route("POST", "/v1/prices/:id", { optional: CHANGEABLE }, update),
  route("GET", "/v1/prices", { optional: LIST }, (context, params) => {
    const { active, currency, product, type, lookup_keys: keys } = params;
    const rows = [...context.store.prices.values()]
      .filter((row) => active === undefined || row.active === active)
      .filter((row) => currency === undefined || row.currency === currency)
      .filter((row) => product === undefined || row.product === product)
      .filter((row) => type === undefined || row.type === type)
      .filter((row) => keys === undefined || keys.includes(row.lookup_key ?? ""))
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/prices");
  }),
];

function create(context: Context, params: Fields): Stripe.Price {
  const decimal = amountOf(params);
  const amount = Number(decimal);
  if (amount < 0) throw invalidParameter("unit_amount", "Invalid non-negative integer");
  const price: Stripe.Price = {
    id: newId("price"),
    object: "price",
    active: params.active ?? true,
    billing_scheme: "per_unit",
    created: context.clock.now(),
    currency: params.currency.toLowerCase(),
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: {},
    nickname: null,
    product: "",
    recurring: recurringOf(context, params.recurring),
    tax_behavior: "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: params.recurring === undefined ? "one_time" : "recurring",
    unit_amount: Number.isInteger(amount) ? amount : null,
    unit_amount_decimal: Stripe.Decimal.from(decimal),
  };
  checkLookupKey(context, price, params);
  price.product = productOf(context, params);
  takeLookupKey(context, price, params);
  assign(price, params);
  context.store.prices.set(price.id, price);
  emit(context, "price.created", price);
  return price;
}

/** A price is given in cents, or in fractions of a cent as a decimal. */
function amountOf({ unit_amount: whole, unit_amount_decimal: fractional }: Fields): string {
  const amount = whole?.toString() ?? fractional;
  if (amount === undefined) throw missingParameter("unit_amount");
  if (/^-?\d+(?:\.\d{1,12})?$/.test(amount)) return amount;
  throw invalidParameter("unit_amount_decimal", "Invalid decimal");
}

/** What is billed by usage names the meter that counts it. */
function recurringOf(context: Context, given: Fields["recurring"]): Stripe.Price.Recurring | null {
  if (given === undefined) return null;
  const isMetered = given.usage_type === "metered";
  if (isMetered && given.meter === undefined) throw missingParameter("recurring[meter]");
  if (given.meter !== undefined) {
    found(context.store.meters, "meter", given.meter, "recurring[meter]");
  }
  return {
    interval: given.interval,
    interval_count: given.interval_count ?? 1,
    meter: given.meter ?? null,
    trial_period_days: given.trial_period_days ?? null,
    usage_type: given.usage_type ?? "licensed",
  };
}

function productOf(context: Context, params: Fields): string {
  if (params.product !== undefined) {
    return found(context.store.products, "product", params.product, "product").id;
  }
  if (params.product_data === undefined) throw missingParameter("product");
  return createProduct(context, params.product_data).id;
}

function update(context: Context, params: Changeable, id: string): Stripe.Price {
  const price = found(context.store.prices, "price", id);
  checkLookupKey(context, price, params);
  takeLookupKey(context, price, params);
  change(context, "price.updated", price, () => assign(price, params));
  for (const subscription of context.store.subscriptions.values()) {
    for (const item of subscription.items.data) {
      if (item.price.id === id) item.price = copy(price);
    }
  }
  return price;
}

function assign(price: Stripe.Price, params: Changeable): void {
  if (params.active !== undefined) price.active = params.active;
  if (params.nickname !== undefined) price.nickname = p.textOrNull(params.nickname);
  if (params.lookup_key !== undefined) price.lookup_key = p.textOrNull(params.lookup_key);
  if (params.tax_behavior !== undefined) price.tax_behavior = params.tax_behavior;
  price.metadata = p.mergeMetadata(price.metadata, params.metadata);
}

/** A lookup key names one price; it moves to another only when that is asked for. */
function checkLookupKey(context: Context, price: Stripe.Price, params: Changeable): void {
  const holder = holderOf(context, price, params.lookup_key);
  if (holder === undefined || params.transfer_lookup_key === true) return;
  throw invalidParameter(
    "lookup_key",
    `A price (\`${holder.id}\`) already uses that lookup key. Pass transfer_lookup_key to move it.`,
    "resource_already_exists",
  );
}

function takeLookupKey(context: Context, price: Stripe.Price, params: Changeable): void {
  const holder = holderOf(context, price, params.lookup_key);
  if (holder === undefined) return;
  change(context, "price.updated", holder, () => {
    holder.lookup_key = null;
  });
}

function holderOf(context: Context, price: Stripe.Price, key: string | undefined) {
  if (key === undefined || key === "") return undefined;
  return [...context.store.prices.values()].find(
    (each) => each.lookup_key === key && each.id !== price.id,
  );
}
