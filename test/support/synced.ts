/** Tenants that pay at the emulator, and the sync of one by hand. */
import type Stripe from "stripe";

import { standing, type Standing } from "./billing.ts";
import { rowOf, rowsOf } from "./query.ts";
import { withClient } from "./server.ts";
import type { Workshop } from "./tasks.ts";

export type Paid = { tenantId: string; customer: string; subscription: string };

/** A tenant that is provisioned and has paid, which is not synced yet. */
export async function paidTenant(workshop: Workshop): Promise<Paid> {
  const { stripe } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const [customer = "", subscription = ""] = [customers[0]?.id, subscriptions[0]?.id];
  const { data } = await stripe.paymentIntents.list({ customer });
  await stripe.paymentIntents.confirm(data[0]?.id ?? "", { payment_method: "pm_card_visa" });
  return { tenantId, customer, subscription };
}

/** A tenant whose customer at Stripe has a card and one subscription, made with `params`. */
export async function tenantWith(
  workshop: Workshop,
  params: Omit<Stripe.SubscriptionCreateParams, "customer">,
): Promise<Paid & { made: Stripe.Subscription }> {
  const { stripe } = workshop;
  const { tenantId, customer, subscription: first } = await paidTenant(workshop);
  const { data } = await stripe.paymentMethods.list({ customer });
  await stripe.customers.update(customer, {
    invoice_settings: { default_payment_method: data[0]?.id ?? "" },
  });
  const made = await stripe.subscriptions.create({ customer, ...params });
  await stripe.subscriptions.cancel(first);
  return { tenantId, customer, subscription: made.id, made };
}

/** The price of a plan of ours. */
export async function priceOf({ stripe }: Workshop, lookupKey: string): Promise<string> {
  const { data } = await stripe.prices.list({ lookup_keys: [lookupKey] });
  return data[0]?.id ?? "";
}

/** A price that the catalog has not, by month and of 1 USD unless told otherwise. */
export async function strangePrice(
  { stripe }: Workshop,
  params: Partial<Stripe.PriceCreateParams> = {},
): Promise<string> {
  const product = await stripe.products.create({ name: "Add-on" });
  const { id } = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    recurring: { interval: "month" },
    ...("unit_amount_decimal" in params ? {} : { unit_amount: 100 }),
    ...params,
  });
  return id;
}

/** Copies a customer as an event about it would have it done. */
export async function sync(workshop: Workshop, customer: string): Promise<void> {
  await workshop.pool.query("select app_private.request_customer_sync($1)", [customer]);
  await workshop.settle();
}

/** What the tenant's people see of its billing. */
export function stands({ database }: Workshop, tenantId: string): Promise<Standing> {
  return withClient(database.urls.superuser, (client) => standing(client, tenantId));
}

/** Copies a customer, and says how its tenant stands then. */
export async function standsSynced(
  workshop: Workshop,
  { tenantId, customer }: Pick<Paid, "tenantId" | "customer">,
): Promise<Standing> {
  await sync(workshop, customer);
  return stands(workshop, tenantId);
}

/** Our copy of a subscription. */
export function copyOf({ pool }: Workshop, { tenantId, subscription }: Paid) {
  return rowOf(
    pool,
    "select * from app_private.stripe_subscriptions where tenant_id = $1 and id = $2",
    [tenantId, subscription],
  );
}

/** Alarms that are open, for one matter after the other. */
export function openAlarms(
  { pool }: Pick<Workshop, "pool">,
  ...subjects: string[]
): Promise<{ kind: string; subject: string }[]> {
  return rowsOf(
    pool,
    `select kind, subject from app_private.alarms
    where resolved_at is null and subject = any ($1) order by kind`,
    [subjects],
  );
}

/** What the sync reads with. */
export function reading({
  customers,
  entitlements,
  subscriptionItems,
  invoices,
  subscriptions,
}: Stripe) {
  return { customers, entitlements, subscriptionItems, invoices, subscriptions };
}

/** Subscriptions whose list is passed through `change` before anybody sees it. */
export function listing(
  subscriptions: Stripe["subscriptions"],
  change: (read: Stripe.Subscription[]) => Promise<Stripe.Subscription[]>,
): Stripe["subscriptions"] {
  const changed: Stripe["subscriptions"] = Object.create(subscriptions);
  changed.list = (params) => {
    const list = subscriptions.list(params);
    const readAll = list.autoPagingToArray.bind(list);
    list.autoPagingToArray = async (limits) => change(await readAll(limits));
    return list;
  };
  return changed;
}
