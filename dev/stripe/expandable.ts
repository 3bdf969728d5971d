import { StripeError } from "./errors.ts";
import type { Route } from "./route.ts";

/** What each collection of the API holds. */
const KINDS: Record<string, string> = {
  billing_portal_configurations: "billing_portal.configuration",
  billing_portal_sessions: "billing_portal.session",
  checkout_sessions: "checkout.session",
  line_items: "item",
  active_entitlements: "entitlements.active_entitlement",
  charges: "charge",
  disputes: "dispute",
  early_fraud_warnings: "radar.early_fraud_warning",
  refunds: "refund",
  setup_intents: "setup_intent",
  coupons: "coupon",
  customers: "customer",
  events: "event",
  invoice_payments: "invoice_payment",
  invoiceitems: "invoiceitem",
  invoices: "invoice",
  lines: "line_item",
  payment_intents: "payment_intent",
  payment_methods: "payment_method",
  prices: "price",
  products: "product",
  promotion_codes: "promotion_code",
  subscription_items: "subscription_item",
  subscriptions: "subscription",
  test_clocks: "test_helpers.test_clock",
  webhook_endpoints: "webhook_endpoint",
};

/** Which fields of which objects can be expanded, and to what: `[]` is a list of those. */
const EXPANDABLE: Record<string, Record<string, string>> = {
  customer: {
    test_clock: "test_helpers.test_clock",
    "invoice_settings.default_payment_method": "payment_method",
    subscriptions: "subscription[]",
  },
  invoice: {
    confirmation_secret: "confirmation_secret",
    customer: "customer",
    default_payment_method: "payment_method",
    discounts: "discount",
    lines: "line_item[]",
    "parent.subscription_details.subscription": "subscription",
    payments: "invoice_payment[]",
    test_clock: "test_helpers.test_clock",
  },
  "billing_portal.session": { configuration: "billing_portal.configuration" },
  "checkout.session": {
    customer: "customer",
    invoice: "invoice",
    line_items: "item[]",
    setup_intent: "setup_intent",
    subscription: "subscription",
  },
  item: { "price.product": "product" },
  charge: {
    customer: "customer",
    payment_intent: "payment_intent",
  },
  dispute: { charge: "charge", payment_intent: "payment_intent" },
  "entitlements.active_entitlement": { feature: "entitlements.feature" },
  "radar.early_fraud_warning": { charge: "charge", payment_intent: "payment_intent" },
  refund: { charge: "charge", payment_intent: "payment_intent" },
  setup_intent: { customer: "customer", payment_method: "payment_method" },
  discount: {
    customer: "customer",
    promotion_code: "promotion_code",
    "source.coupon": "coupon",
  },
  invoiceitem: { customer: "customer", invoice: "invoice" },
  promotion_code: { customer: "customer", "promotion.coupon": "coupon" },
  invoice_payment: { invoice: "invoice", "payment.payment_intent": "payment_intent" },
  line_item: { "pricing.price_details.price": "price", subscription: "subscription" },
  payment_intent: {
    customer: "customer",
    latest_charge: "charge",
    payment_method: "payment_method",
  },
  payment_method: { customer: "customer" },
  price: { product: "product" },
  product: { default_price: "price" },
  subscription: {
    customer: "customer",
    default_payment_method: "payment_method",
    default_source: "source",
    discounts: "discount",
    items: "subscription_item[]",
    latest_invoice: "invoice",
    pending_setup_intent: "setup_intent",
    schedule: "subscription_schedule",
    test_clock: "test_helpers.test_clock",
  },
  subscription_item: { price: "price", "price.product": "product" },
};

const MAX_DEPTH = 4;

/** Throws unless `path` can be expanded in what `route` answers: to be asked before any work. */
export function checkExpandable(route: Route, path: string): void {
  const levels = path.split(".").filter((step) => step !== "data").length;
  if (levels > MAX_DEPTH) {
    throw refused(`You cannot expand more than ${MAX_DEPTH} levels of a property. `, path);
  }
  if (!isExpandable(kindOf(route), path)) throw refused("", path);
}

/** `/v1/customers` answers a list of customers, `/v1/customers/:id` a customer, and so on. */
function kindOf({ method, path }: Route): string {
  const steps = path
    .replace(/\/(test_helpers|billing|entitlements|radar)(?=\/)/, "")
    .replace(/\/(checkout|billing_portal)\//, "/$1_")
    .split("/");
  const [, , collection = "", second, third = ""] = steps;
  if (KINDS[third] !== undefined) return `${KINDS[third]}[]`;
  const kind = KINDS[collection] ?? "";
  return method === "GET" && second !== ":id" ? `${kind}[]` : kind;
}

function isExpandable(kind: string, path: string): boolean {
  if (path === "") return true;
  const fields = kind.endsWith("[]") ? { data: kind.slice(0, -2) } : (EXPANDABLE[kind] ?? {});
  return Object.entries(fields).some(
    ([field, target]) =>
      `${path}.`.startsWith(`${field}.`) && isExpandable(target, path.slice(field.length + 1)),
  );
}

function refused(reason: string, path: string): StripeError {
  return new StripeError(400, {
    type: "invalid_request_error",
    message: `${reason}This property cannot be expanded (${path}).`,
  });
}
