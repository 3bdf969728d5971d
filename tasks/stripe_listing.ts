/** Stripe's whole lists, page by page, against our copy. */
import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import { isUuid } from "../server/auth/claims.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { idOf } from "./stripe_id.ts";
import { invoiceTruth } from "./stripe_invoice_truth.ts";
import { subscriptionTruth } from "./stripe_subscription_truth.ts";

export type StripeLister = Pick<
  Stripe,
  "customers" | "subscriptions" | "subscriptionItems" | "invoices"
>;

/** A customer at Stripe that was made for an intent of ours and is tied to nobody. */
export type Stray = {
  customer_id: string;
  tenant_id: string;
  intent_id: string;
  has_another: boolean;
};

export type Listing = {
  counts: { customers: number; subscriptions: number; open_invoices: number };
  customerIds: string[];
  subscriptionIds: string[];
  openInvoiceIds: string[];
  writtenOffInvoiceIds: string[];
  /** Our customers of whom something listed is not as we have it. */
  differing: Set<string>;
  strays: Stray[];
};

type Sources = {
  stripe: StripeLister;
  query: JobHelpers["query"];
  configuredPrices: ConfiguredPrices;
};

const PAGE = 100;

export async function listEverything({
  stripe,
  query,
  configuredPrices,
}: Sources): Promise<Listing> {
  const differing = new Set<string>();
  const compare = async (sql: string, page: readonly object[]) => {
    const { rows } = await query<{ id: string }>(sql, [JSON.stringify(page)]);
    for (const { id } of rows) differing.add(id);
  };

  const strays: Stray[] = [];
  const customerIds = await eachPage(stripe.customers.list({ limit: PAGE }), async (page) => {
    const claims = page.flatMap(({ id, metadata }) => {
      const { tenant_id, intent_id } = metadata;
      return isUuid(tenant_id) && isUuid(intent_id) ? { id, tenant_id, intent_id } : [];
    });
    const { rows } = await query<Stray>("select * from app_private.stray_customers($1)", [
      JSON.stringify(claims),
    ]);
    strays.push(...rows);
  });
  const subscriptionIds = await eachPage(
    stripe.subscriptions.list({ status: "all", limit: PAGE }),
    async (page) => {
      const truths = page.map(async (subscription) => ({
        ...(await subscriptionTruth(stripe, subscription, { invoices: [], configuredPrices })),
        customer_id: idOf(subscription.customer),
      }));
      await compare(
        "select app_private.customers_with_other_subscriptions($1) as id",
        await Promise.all(truths),
      );
    },
  );
  const openInvoiceIds = await eachPage(
    stripe.invoices.list({ status: "open", limit: PAGE }),
    async (page) => {
      await compare(
        "select app_private.customers_with_other_invoices($1) as id",
        page.map(invoiceTruth),
      );
    },
  );
  // Later than the open ones: what is written off in between is in one list at least. Not compared: one
  // that is older than what is copied of its customer would differ each night.
  const writtenOffInvoiceIds = await eachPage(
    stripe.invoices.list({ status: "uncollectible", limit: PAGE }),
    async () => {},
  );

  return {
    counts: {
      customers: customerIds.length,
      subscriptions: subscriptionIds.length,
      open_invoices: openInvoiceIds.length,
    },
    customerIds,
    subscriptionIds,
    openInvoiceIds,
    writtenOffInvoiceIds,
    differing,
    strays,
  };
}

/** Hands a list over in pages and returns the ids of all of it. */
async function eachPage<T extends { id: string }>(
  list: AsyncIterable<T>,
  use: (page: T[]) => Promise<void>,
): Promise<string[]> {
  const ids: string[] = [];
  let page: T[] = [];
  for await (const object of list) {
    ids.push(object.id);
    page.push(object);
    if (page.length < PAGE) continue;
    await use(page);
    page = [];
  }
  if (page.length > 0) await use(page);
  return ids;
}
