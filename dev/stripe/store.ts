import { randomFillSync } from "node:crypto";
import type { Stripe } from "stripe";

import type { SavedAnswer } from "./idempotency.ts";
import type { LimitedKey } from "./auth.ts";
import type { Delivery } from "./deliveries.ts";
import type { AccountSettings } from "./resources/account_settings.ts";
import type { Checkout } from "./resources/checkout_record.ts";
import type { PendingUpdate } from "./resources/pending_updates.ts";
import type { Resumption } from "./resources/resumptions.ts";

/** Which test card stands behind a payment method: what decides how its charges end. */
export type CardOnFile = { id: string; number: string; isSetUp?: true };

/** Everything the emulator knows. References between objects are ids, never whole objects. */
export type Store = {
  customers: Map<string, Stripe.Customer | Stripe.DeletedCustomer>;
  products: Map<string, Stripe.Product>;
  prices: Map<string, Stripe.Price>;
  subscriptions: Map<string, Stripe.Subscription>;
  invoices: Map<string, Stripe.Invoice>;
  invoicePayments: Map<string, Stripe.InvoicePayment>;
  paymentIntents: Map<string, Stripe.PaymentIntent>;
  paymentMethods: Map<string, Stripe.PaymentMethod>;
  cards: Map<string, CardOnFile>;
  events: Map<string, StoredEvent>;
  webhookEndpoints: Map<string, Endpoint>;
  /** Destinations of thin events. */
  thinEndpoints: Map<string, ThinEndpoint>;
  deliveries: Map<string, Delivery>;
  answers: Map<string, SavedAnswer>;
  /** Warnings given once, so that they are not given again. */
  notices: Map<string, { id: string }>;
  testClocks: Map<string, Stripe.TestHelpers.TestClock>;
  invoiceItems: Map<string, Stripe.InvoiceItem>;
  pendingUpdates: Map<string, PendingUpdate>;
  resumptions: Map<string, Resumption>;
  coupons: Map<string, Stripe.Coupon>;
  promotionCodes: Map<string, Stripe.PromotionCode>;
  discounts: Map<string, Stripe.Discount>;
  /** Coupons as they were when a discount was made of them; they outlive their deletion. */
  redeemed: Map<string, Stripe.Coupon>;
  setupIntents: Map<string, Stripe.SetupIntent>;
  features: Map<string, Stripe.Entitlements.Feature>;
  productFeatures: Map<string, { id: string; product: string; made: Stripe.ProductFeature }>;
  /** What each customer is entitled to, by the customer's id. */
  entitlements: Map<string, { id: string; active: Stripe.Entitlements.ActiveEntitlement[] }>;
  charges: Map<string, Stripe.Charge>;
  refunds: Map<string, Stripe.Refund>;
  disputes: Map<string, Stripe.Dispute>;
  earlyFraudWarnings: Map<string, Stripe.Radar.EarlyFraudWarning>;
  /** Payments that a bank takes its time for, by their intent: when it answers, and with what. */
  debits: Map<string, { id: string; method: string; at: number }>;
  /** What was chosen for the account, in one row. */
  settings: Map<string, { id: string } & Partial<AccountSettings>>;
  meters: Map<string, Stripe.Billing.Meter>;
  meterEvents: Map<string, Stripe.Billing.MeterEvent>;
  portalConfigurations: Map<string, Stripe.BillingPortal.Configuration>;
  portalSessions: Map<string, Stripe.BillingPortal.Session>;
  /** The portal sessions whose flow has been gone through. */
  finishedFlows: Map<string, { id: string }>;
  checkoutSessions: Map<string, Stripe.Checkout.Session>;
  /** What a session was made with and how far its customer got, by the session's id. */
  checkouts: Map<string, Checkout>;
  /** Keys that may not do everything, by the key itself. */
  limitedKeys: Map<string, LimitedKey>;
};

/** An event as kept: the SDK's own union narrows `type` too far to be built generically. */
export type StoredEvent = Stripe.EventBase;

/** What the webhooks must know of whom they write to. */
export type Addressee = {
  id: string;
  /** Shown only when it is made. */
  secret: string;
  /** The one before it, which signs as well until then, in milliseconds of the emulator's time. */
  rolled?: { secret: string; until: number };
  resource: { url: string; enabled_events: string[]; status: string };
};

/** A webhook endpoint. */
export type Endpoint = Addressee & { resource: Stripe.WebhookEndpoint };

/** A destination of thin events. */
export type ThinEndpoint = Addressee & { destination: Stripe.V2.Core.EventDestination };

/** A store that holds nothing. */
export function emptyStore(): Store {
  return {
    customers: new Map(),
    products: new Map(),
    prices: new Map(),
    subscriptions: new Map(),
    invoices: new Map(),
    invoicePayments: new Map(),
    paymentIntents: new Map(),
    paymentMethods: new Map(),
    cards: new Map(),
    events: new Map(),
    webhookEndpoints: new Map(),
    thinEndpoints: new Map(),
    deliveries: new Map(),
    answers: new Map(),
    notices: new Map(),
    testClocks: new Map(),
    invoiceItems: new Map(),
    pendingUpdates: new Map(),
    resumptions: new Map(),
    coupons: new Map(),
    promotionCodes: new Map(),
    discounts: new Map(),
    redeemed: new Map(),
    setupIntents: new Map(),
    features: new Map(),
    productFeatures: new Map(),
    entitlements: new Map(),
    charges: new Map(),
    refunds: new Map(),
    disputes: new Map(),
    earlyFraudWarnings: new Map(),
    debits: new Map(),
    settings: new Map(),
    meters: new Map(),
    meterEvents: new Map(),
    portalConfigurations: new Map(),
    portalSessions: new Map(),
    finishedFlows: new Map(),
    checkoutSessions: new Map(),
    checkouts: new Map(),
    limitedKeys: new Map(),
  };
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Random bytes are dear one by one: an id is made for every call. */
const POOL = { bytes: Buffer.alloc(4096), used: 4096 };

/** A fresh random string such as Stripe's ids end in. That 0 to 7 come more often does no harm. */
export function randomText(length: number): string {
  if (POOL.used + length > POOL.bytes.length) {
    randomFillSync(POOL.bytes);
    POOL.used = 0;
  }
  const bytes = POOL.bytes.subarray(POOL.used, POOL.used + length);
  POOL.used += length;
  let text = "";
  for (const byte of bytes) text += ALPHABET.charAt(byte % ALPHABET.length);
  return text;
}

/** A fresh id: `cus_` and fourteen characters, `sub_1` and twenty-three. */
export function newId(prefix: string): string {
  const short = ["cus", "prod", "si"].includes(prefix);
  return short ? `${prefix}_${randomText(14)}` : `${prefix}_1${randomText(23)}`;
}

/** The id in a field that may hold an id or, in answers only, the whole object. */
export function idOf(field: string | { id: string }): string {
  return typeof field === "string" ? field : field.id;
}

/** A deep copy by way of JSON, because what leaves the emulator is JSON (decimals become text). */
export function copy<T>(value: T): T {
  // JSON.parse cannot know the type; for objects made of JSON it is the one that went in.
  const result: T = JSON.parse(JSON.stringify(value));
  return result;
}
