/**
 * What to call the functions of billing and of operations with. Tasks and operators alone may call
 * most of them: everybody else is refused with B's own ids, and the worker gets through with A's.
 */
import { first, type House, type Samples } from "./samples.ts";

/** Stripe's id of what is planted in a table. */
const idIn = (table: string) => (house: House) => first(house, table, "id");
const CUSTOMER = idIn("app_private.stripe_customers");
const SUBSCRIPTION = idIn("app_private.stripe_subscriptions");
const INVOICE = idIn("app_public.invoices");
const EVENT = idIn("app_private.stripe_events");
const SEAT_ITEM = (house: House) => first(house, "app_private.seat_changes", "item_id");

const A_TIME = 1_767_225_600;
/** Above every number that was planted: whoever has it read Stripe last. */
const LATEST = 1_000_000;

const items = (house: House) => [
  { id: SEAT_ITEM(house), item_id: SEAT_ITEM(house), lookup_key: "pro_month", quantity: 2 },
];
const subscriptions = (house: House) => [
  {
    id: SUBSCRIPTION(house),
    customer_id: CUSTOMER(house),
    status: "active",
    items: items(house),
    created: A_TIME,
  },
];
const invoices = (house: House) => [
  {
    id: INVOICE(house),
    customer_id: CUSTOMER(house),
    subscription_id: SUBSCRIPTION(house),
    status: "open",
    attempt_count: 1,
    currency: "usd",
    amount_due: 1,
    amount_paid: 0,
    amount_remaining: 1,
    period_start: A_TIME,
    period_end: A_TIME,
    created: A_TIME,
  },
];

export const BILLING_ARGUMENTS: Samples = {
  // Words that mean the same in every tenant.
  account_ids: ["acct_1"],
  api_versions: ["2026-01-01"],
  before: "2038-01-01",
  by: "an operator",
  calls_per_second: 20,
  check_id: "019a0000-0000-7000-8000-000000000000",
  created: [A_TIME],
  current_quantity: 1,
  endpoint: "GET /v1/customers",
  failure: "Refused",
  key_fingerprint: "0123456789abcdef",
  kind: "checkout",
  listed_from: LATEST,
  livemodes: [false],
  lookup_key: "pro_month",
  method: "GET",
  object_types: ["customer"],
  our_account_id: "acct_1",
  outcome: "sent",
  path: "/v1/customers",
  payloads: ["{}"],
  period_start: "2026-01-01",
  prices: [{ lookup_key: "pro_month", id: "price_1", currency: "usd", unit_amount: 1 }],
  result: {},
  seconds: 1,
  slowdown: { scope: "account", level: 1, slowed_at: "2026-01-01", blocked_until: "2026-01-01" },
  status_code: 401,
  sync_seq: LATEST,
  time: "2026-01-01",
  types: ["customer.updated"],
  "app_private.begin_meter_event.after": "",
  "app_private.begin_stripe_check.kind": "poll",
  "app_private.book_billing_mail.kind": "reactivated",
  "app_private.book_billing_mail.occasion": "1",
  "app_private.park_stripe_event.status": "processed",
  // Words of a tenant's own.
  customers: (house: House) => [
    {
      id: `${house.canary}-stray`,
      tenant_id: house.tenantId,
      intent_id: first(house, "app_private.billing_intents", "id"),
    },
  ],
  customer_ids: (house: House) => [CUSTOMER(house)],
  error: (house: House) => `${house.canary} failed`,
  event_id: EVENT,
  event_ids: (house: House) => [EVENT(house)],
  object_ids: (house: House) => [CUSTOMER(house)],
  generation: (house: House) => first(house, "app_private.seat_changes", "generation"),
  identifier: (house: House) => first(house, "app_private.meter_events", "identifier"),
  ids: (house: House) => [EVENT(house)],
  instead_of: CUSTOMER,
  open_invoice_ids: (house: House) => [INVOICE(house)],
  written_off_invoice_ids: (house: House) => [INVOICE(house)],
  invoices,
  item_id: SEAT_ITEM,
  items,
  price_id: (house: House) => `${house.canary}-price`,
  price_lookup_key: (house: House) =>
    first(house, "app_private.billing_intents", "price_lookup_key"),
  quantity_of: SUBSCRIPTION,
  subscription_ids: (house: House) => [SUBSCRIPTION(house)],
  subscriptions,
  truth: (house: House) => ({
    id: CUSTOMER(house),
    is_deleted: false,
    active_entitlements: [],
    subscriptions: subscriptions(house),
    invoices: invoices(house),
  }),
  worker_id: (house: House) => `${house.canary}-worker`,
  "app_private.book_billing_mail.about": (house: House) => house.tenantId,
  "app_private.founded_tenant.key": (house: House) => `${house.canary}-key`,
  "app_private.founded_tenant.name": (house: House) =>
    first(house, "app_private.billing_intents", "customer_name"),
  "app_private.founding_id.key": (house: House) => `${house.canary}-key`,
  // The queue's rows are numbered for all tenants together, and none is planted: a worker would do it.
  job: (house: House) => ({
    id: 1,
    payload: { tenant_id: house.tenantId },
    attempts: 25,
    max_attempts: 25,
    created_at: "2026-01-01",
    updated_at: "2026-01-01",
  }),
  job_id: 1,
  "app_private.dismiss_job.id": 1,
  "app_private.retry_job.id": 1,
};
